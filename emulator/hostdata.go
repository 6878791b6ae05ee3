package emulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// What a mini program's runtime hands its host (seed 003): the form value data,
// a JSON text. Read strictly where its form is published; whatever else a
// runtime puts in there is let be. Refusals point into the text.

// hostData is what the text says.
type hostData struct {
	maID, appKey string
	// hostKey is the AK of the host app's member, which runtimes of other hosts
	// than the platform's own app send along (K); "" where there is none.
	hostKey   string
	accredits []accredit // in order of scope
	scope     string     // what data is asked for; "" is none in particular
	version   string     // of the list that the client has
}

// An accredit is a user's answer for one scope.
type accredit struct {
	scope  scope
	permit bool
}

// A jsonPart is a value in a JSON text and where it stands.
type jsonPart struct {
	pointer string
	raw     json.RawMessage
}

// badData refuses a request for what is wrong at a pointer.
func badData(pointer, format string, args ...any) error {
	return refuse("HostInvalidInput", "%s %s", pointer, fmt.Sprintf(format, args...))
}

// readHostData reads the text. Only open.app_key must be there.
func readHostData(text string) (*hostData, error) {
	var whole json.RawMessage
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&whole); err != nil {
		var syntax *json.SyntaxError
		at := int64(len(text))
		if errors.As(err, &syntax) {
			at = syntax.Offset
		}
		return nil, badData("data", "无法解析：第 %d 个字节处不是 JSON", at)
	}
	if d.More() {
		return nil, badData("data", "无法解析：JSON 之后还有内容")
	}
	top, err := jsonPart{"data", whole}.object()
	if err != nil {
		return nil, err
	}
	out := &hostData{}
	if out.maID, err = top["ma_id"].text(); err != nil {
		return nil, err
	}
	if err := out.readOpen(top["open"]); err != nil {
		return nil, err
	}
	if err := out.readAccredits(top["accredits"]); err != nil {
		return nil, err
	}
	if out.scope, err = readScope(top["scope"]); err != nil {
		return nil, err
	}
	have, err := top["accredit"].object()
	if err == nil {
		out.version, err = have["version"].text()
	}
	return out, err
}

func (h *hostData) readOpen(part jsonPart) error {
	if part.raw == nil {
		return badData("data/open", "缺少，应为对象")
	}
	open, err := part.object()
	if err != nil {
		return err
	}
	if h.appKey, err = open["app_key"].text(); err != nil {
		return err
	}
	if h.appKey == "" {
		return badData("data/open/app_key", "缺少，应为小程序的 AppKey")
	}
	for _, name := range []string{"host_pkgname", "host_key_hash"} {
		if _, err := open[name].text(); err != nil {
			return err
		}
	}
	h.hostKey, err = open["host_api_key"].text()
	return err
}

func (h *hostData) readAccredits(part jsonPart) error {
	all, err := part.object()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at := all[name]
		sc, ok := scopeNamed(name)
		if !ok || sc.id != name {
			return badData(at.pointer, "未知权限%s", orNothing("，是否想写 ", nearestScope(name)))
		}
		answer, err := at.object()
		if err != nil {
			return err
		}
		permit, err := answer["permit"].flag(at.pointer + "/permit")
		if err != nil {
			return err
		}
		h.accredits = append(h.accredits, accredit{sc, permit})
	}
	return nil
}

// readScope reads the name of a scope, by itself or as a member id.
func readScope(part jsonPart) (string, error) {
	if len(part.raw) > 0 && part.raw[0] == '{' {
		object, err := part.object()
		if err != nil {
			return "", err
		}
		part = jsonPart{part.pointer + "/id", object["id"].raw}
	}
	name, err := part.text()
	if err != nil || name == "" {
		return "", err
	}
	if sc, ok := scopeNamed(name); !ok || sc.id != name {
		return "", badData(part.pointer, "未知权限%s", orNothing("，是否想写 ", nearestScope(name)))
	}
	return name, nil
}

// nearestScope is the host's name of the scope that a name probably means.
func nearestScope(name string) string {
	sc, ok := scopeNamed(cmp.Or(spec.Nearest(name, ScopeNames()), name))
	if !ok {
		return ""
	}
	return sc.id
}

// object reads the members; nothing has none.
func (p jsonPart) object() (map[string]jsonPart, error) {
	out := map[string]jsonPart{}
	if p.raw == nil || bytes.Equal(p.raw, []byte("null")) {
		return out, nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(p.raw, &members) != nil {
		return nil, badData(p.pointer, "类型应为对象")
	}
	for name, raw := range members {
		out[name] = jsonPart{p.pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name), raw}
	}
	return out, nil
}

// text reads a text, or a number as its text; nothing is "".
func (p jsonPart) text() (string, error) {
	if p.raw == nil || bytes.Equal(p.raw, []byte("null")) {
		return "", nil
	}
	var s string
	if json.Unmarshal(p.raw, &s) == nil {
		return s, nil
	}
	var n json.Number
	if json.Unmarshal(p.raw, &n) == nil {
		return n.String(), nil
	}
	return "", badData(p.pointer, "类型应为文本")
}

// flag reads true or false, as a text (seed 003) or as they are.
func (p jsonPart) flag(pointer string) (bool, error) {
	if p.raw == nil {
		return false, badData(pointer, `缺少，只能取 "true"、"false"`)
	}
	var b bool
	if json.Unmarshal(p.raw, &b) == nil {
		return b, nil
	}
	var s string
	if json.Unmarshal(p.raw, &s) == nil && (s == "true" || s == "false") {
		return strconv.ParseBool(s)
	}
	return false, badData(pointer, `只能取 "true"、"false"`)
}

// hostAppKey is the AppKey in such a text, as far as one can tell; the sandbox
// of a request is found by it before the request is judged.
func hostAppKey(text string) string {
	var data struct {
		Open struct {
			AppKey string `json:"app_key"`
		} `json:"open"`
	}
	if json.Unmarshal([]byte(text), &data) != nil {
		return ""
	}
	return data.Open.AppKey
}
