package contracttest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/swanemu/emu/internal/seal"
	"github.com/swanemu/emu/internal/spec"
)

// What a host shows of leave that was given, and the data that it seals.

// A hostDatum is the data of a scope.
type hostDatum struct {
	Data          string `json:"data"`
	EncryptedData string `json:"encryptedData"`
	IV            string `json:"iv"`
	UserInfo      struct {
		Nickname   string `json:"nickname"`
		HeadImgURL string `json:"headimgurl"`
	} `json:"userinfo"`
}

// scopesNow is the list of scopes.
func (p *probe) scopesNow(ctx context.Context) (map[string]hostScopeItem, error) {
	var out struct {
		Accredit struct {
			Data struct {
				List map[string]hostScopeItem `json:"list"`
			} `json:"data"`
		} `json:"accredit"`
	}
	err := p.hostOK(ctx, opHostScopes, nil, &out)
	return out.Accredit.Data.List, err
}

// answerSome has the user agree to one scope and refuse another.
func (p *probe) answerSome(ctx context.Context) error {
	_, err := p.ready(ctx)
	if err == nil {
		_, err = p.answer(ctx, opHostAuthorize, true, scopeLocation)
	}
	if err == nil {
		_, err = p.answer(ctx, opHostAuthorize, false, scopeCamera)
	}
	return err
}

func hostListsScopes(ctx context.Context, p *probe) error {
	if err := p.answerSome(ctx); err != nil {
		return err
	}
	list, err := p.scopesNow(ctx)
	if err != nil {
		return err
	}
	p.saw("host.scopes")
	for name, want := range map[string]string{scopeLocation: "true", scopeCamera: "false"} {
		item, there := list[name]
		switch {
		case !there:
			p.wrong(opHostScopes, "/data/accredit/data/list/"+name, "a scope is not in the list", "the scope", "missing")
		case item.Permit != want || want == "true" && item.TipStatus != "1" || want == "false" && item.TipStatus == "1":
			p.wrong(opHostScopes, "/data/accredit/data/list/"+name, "the list does not say what the user answered",
				fmt.Sprintf("permit %q", want), fmt.Sprintf("permit %q, tip_status %q", item.Permit, item.TipStatus))
		}
		if item.ID != "" && item.ID != name {
			p.wrong(opHostScopes, "/data/accredit/data/list/"+name+"/id", "a scope stands under another name", name, item.ID)
		}
	}
	return nil
}

func hostClears(ctx context.Context, p *probe) error {
	err := p.answerSome(ctx)
	if err == nil {
		_, err = p.answer(ctx, opHostAuthorize, true, scopeUserInfo)
	}
	if err == nil {
		err = p.hostOK(ctx, opHostClear, nil, nil)
	}
	if err != nil {
		return err
	}
	list, err := p.scopesNow(ctx)
	if err != nil {
		return err
	}
	out, err := p.opened(ctx, scopeUserInfo)
	if err != nil {
		return err
	}
	p.saw("host.clear")
	if out.has() {
		p.wrong(opHostOpenData, "/data/opendata", "open data has data although all was cleared", "no opendata", "there")
	}
	for _, name := range []string{scopeLocation, scopeCamera, scopeUserInfo} {
		item, there := list[name]
		if there && item.Forbidden != "true" && (item.Permit != "false" || item.TipStatus != "0") {
			p.wrong(opHostScopes, "/data/accredit/data/list/"+name, "an answer is left although all was cleared", `permit "false" and tip_status "0"`,
				fmt.Sprintf("permit %q and tip_status %q", item.Permit, item.TipStatus))
		}
	}
	return nil
}

func hostSeals(ctx context.Context, p *probe) error {
	key, err := p.ready(ctx)
	if err != nil {
		return err
	}
	out, err := p.answer(ctx, opHostAccredit, true, scopeUserInfo)
	if err != nil {
		return err
	}
	var d hostDatum
	if !out.has() || json.Unmarshal(out.Raw, &d) != nil {
		return errHost // host.accredit has it
	}
	text := d.Data
	if text == "" {
		text = d.EncryptedData
	}
	p.saw("host.decrypt")
	wrong := func(pointer, message, expected, actual string) {
		p.fail(Finding{
			Operation: opHostAccredit, ValuePointer: "/data/opendata" + pointer, Message: message, Expected: expected, Actual: actual,
			Evidence: spec.Evidence{Grade: "documented", Source: "S4"},
		})
	}
	if iv, err := base64.StdEncoding.DecodeString(d.IV); err != nil || len(iv) != 16 {
		wrong("/iv", "the initialisation vector has another form", "the base64 of 16 bytes", "something else")
		return nil //nolint:nilerr // it is a finding
	}
	cipher, err := seal.UserDataCipher(key, d.IV, 16)
	if err != nil {
		wrong("", "the session key has another form", "32 hexadecimal digits", err.Error())
		return nil
	}
	message, id, err := cipher.Open(text)
	if err != nil {
		wrong("/data", "the data does not open with the session key", "an AES-192-CBC frame", err.Error())
		return nil
	}
	if id != p.target.Credentials.HostApp.AppKey {
		wrong("/data", "the data does not end with the AppKey", "the AppKey", "something else")
	}
	var inside struct {
		OpenID     string `json:"openid"`
		Nickname   string `json:"nickname"`
		HeadImgURL string `json:"headimgurl"`
	}
	switch {
	case json.Unmarshal(message, &inside) != nil:
		wrong("/data", "what was sealed is no JSON object", "user information", "something else")
	case inside.OpenID == "":
		wrong("/data", "the sealed user information has no openid", "an openid", "none")
	case inside.Nickname != d.UserInfo.Nickname || inside.HeadImgURL != d.UserInfo.HeadImgURL:
		wrong("/userinfo", "what is sealed and what stands in clear are about somebody else", "the same nickname and headimgurl", "others")
	}
	return nil
}

// listHost reads a list with leave. A host need not have it.
func (p *probe) listHost(ctx context.Context, operation, scope string) error {
	if _, err := p.ready(ctx); err != nil {
		return err
	}
	if _, err := p.answer(ctx, opHostAuthorize, true, scope); err != nil {
		return err
	}
	x, err := p.host(ctx, operation, nil)
	if err != nil {
		return err
	}
	if x.status == http.StatusNotFound {
		return fmt.Errorf("%w: the host does not have it", ErrCannot)
	}
	p.expect(x, Finding{Message: "a list cannot be read although the user has agreed"}, Accepted)
	return nil
}
