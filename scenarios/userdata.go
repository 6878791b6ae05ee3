package scenarios

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/swanemu/emu/emulator"
)

// Leave that users give, and the data that comes of it.

// answers queues what users will answer.
func (p *preparation) answers() error {
	for _, a := range p.s.Platform.Answers {
		for _, order := range a.orders() {
			if err := p.order(http.MethodPost, "/answers", order, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// orders are the answer as the control API takes it, once for each time.
func (a Answer) orders() []Answer {
	times := max(a.Times, 1)
	a.Times = 0
	return slices.Repeat([]Answer{a}, times)
}

// willAnswer queues what a user will answer.
func (e *engine) willAnswer(ctx context.Context, a *Answer) error {
	for _, order := range a.orders() {
		if err := e.tell(ctx, http.MethodPost, "/answers", order, "user will "+order.Answer); err != nil {
			return err
		}
	}
	return nil
}

// asking is a client that asks its user.
func (e *engine) asking(ctx context.Context, s *Step) (*Failure, error) {
	order := map[string]any{"app_id": or(s.Asks.AppID, e.firstApp()), "huid": or(s.Asks.Huid, e.firstUser()), "ask": s.Asks.Ask}
	var out map[string]any
	if err := e.box.order(ctx, http.MethodPost, "/asks", order, &out); err != nil {
		return nil, err
	}
	e.line(Line{
		At: e.now, Kind: "control", From: "client", To: "user", What: "asks for " + s.Asks.Ask, Outcome: textOf(out["answer"]), OK: true,
	})
	if f := e.holds(s, plain(out), "the answer of the user is not as expected"); f != nil {
		return f, nil
	}
	return nil, e.sync(ctx)
}

// holds compares what came of a step with what is expected, and saves from it.
func (e *engine) holds(s *Step, got any, otherwise string) *Failure {
	want, err := e.vars.expand(s.Expect)
	if err != nil {
		return e.fail(s, err.Error())
	}
	if m := match(want, got, ""); len(m) > 0 {
		f := e.fail(s, otherwise)
		f.Mismatches = m
		return f
	}
	if err := e.save(s.Save, got); err != nil {
		return e.fail(s, err.Error())
	}
	return nil
}

// setGrant is a user who changes the settings of an app.
func (e *engine) setGrant(ctx context.Context, g *SetGrant) error {
	order := *g
	order.AppID, order.Huid = or(g.AppID, e.firstApp()), or(g.Huid, e.firstUser())
	if order.Cuid == "" && len(e.s.Given.Devices) > 0 {
		order.Cuid = e.s.Given.Devices[0].Cuid
	}
	return e.tell(ctx, http.MethodPut, "/grants", order, "set grant")
}

// setScope is what the platform says of a scope of an app.
func (e *engine) setScope(ctx context.Context, s *SetScope) error {
	order := map[string]any{}
	if s.Forbidden != nil {
		order["forbidden"] = *s.Forbidden
	}
	if s.Grade != nil {
		order["grade"] = *s.Grade
	}
	path := fmt.Sprintf("/apps/%d/scopes/%s", or(s.AppID, e.firstApp()), url.PathEscape(s.Scope))
	return e.tell(ctx, http.MethodPatch, path, order, "set scope "+s.Scope)
}

// decrypt opens sealed user data, as an app's server does.
func (e *engine) decrypt(ctx context.Context, s *Step) (*Failure, error) {
	if err := e.refresh(ctx); err != nil {
		return nil, err
	}
	var texts [3]string
	for i, text := range []string{s.Decrypt.Data, s.Decrypt.IV, s.Decrypt.SessionKey} {
		v, err := e.vars.text(text)
		if err != nil {
			return e.fail(s, err.Error()), nil
		}
		texts[i] = textOf(v)
	}
	app := or(s.Decrypt.AppID, e.firstApp())
	message, err := opened(texts[0], texts[1], texts[2], textOf(e.vars[fmt.Sprintf("apps.%d.app_key", app)]))
	l := Line{At: e.now, Kind: "control", From: "developer", What: "opens user data", Outcome: "ok", OK: (err != nil) == s.Decrypt.Fails}
	if err != nil {
		l.Outcome = "cannot: " + err.Error()
	}
	e.line(l)
	switch {
	case s.Decrypt.Fails && err == nil:
		return e.fail(s, "the data can be opened"), nil
	case s.Decrypt.Fails:
		return nil, nil
	case err != nil:
		return e.fail(s, "the data cannot be opened: "+err.Error()), nil //nolint:nilerr // the failure says it
	}
	return e.holds(s, message, "the data is not as expected"), nil
}

// opened decrypts user data by the published steps: AES-192-CBC under the
// session key as base64, 16 random bytes, the length, JSON, the AppKey.
func opened(data, iv, sessionKey, appKey string) (any, error) {
	var parts [3][]byte
	for i, text := range []string{data, iv, sessionKey} {
		var err error
		if parts[i], err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, errors.New("it is no base64")
		}
	}
	frame, key := parts[0], parts[2]
	block, err := aes.NewCipher(key)
	if err != nil || len(key) != 24 {
		return nil, errors.New("the session key has another length")
	}
	if len(parts[1]) != block.BlockSize() || len(frame) < 2*block.BlockSize() || len(frame)%block.BlockSize() != 0 {
		return nil, errors.New("it has another length")
	}
	cipher.NewCBCDecrypter(block, parts[1]).CryptBlocks(frame, frame)
	const head, longest = 20, 32
	pad := int(frame[len(frame)-1])
	if pad < 1 || pad > longest || len(frame)-pad < head {
		return nil, errors.New("its padding is none")
	}
	frame = frame[:len(frame)-pad]
	size := int64(binary.BigEndian.Uint32(frame[16:head]))
	if size > int64(len(frame)-head) {
		return nil, errors.New("its length is too large")
	}
	if got := string(frame[head+size:]); got != appKey {
		return nil, errors.New("it is for another app")
	}
	return decodeJSON(frame[head : head+size])
}

// userData checks the steps about leave and data.
func (k *checker) userData(path, verb string, s *Step) {
	switch verb {
	case "asks":
		k.app(path+".asks.app_id", s.Asks.AppID)
		k.id(path+".asks.huid", "user", s.Asks.Huid, k.users)
		k.expectation(path+".expect", s.Expect)
	case "will answer":
		k.answer(path+".will answer", s.WillAnswer)
	case "set grant":
		k.app(path+".set grant.app_id", s.SetGrant.AppID)
		k.id(path+".set grant.huid", "user", s.SetGrant.Huid, k.users)
		k.device(path+".set grant.cuid", s.SetGrant.Cuid)
		k.word(path+".set grant.scope", "scope", s.SetGrant.Scope, emulator.ScopeNames())
	case "set scope":
		k.app(path+".set scope.app_id", s.SetScope.AppID)
		k.word(path+".set scope.scope", "scope", s.SetScope.Scope, emulator.ScopeNames())
	case "decrypt":
		k.app(path+".decrypt.app_id", s.Decrypt.AppID)
		k.variables(path+".decrypt.data", s.Decrypt.Data)
		k.variables(path+".decrypt.iv", s.Decrypt.IV)
		k.variables(path+".decrypt.session_key", s.Decrypt.SessionKey)
		if s.Decrypt.Fails && (s.Expect != nil || s.Save != nil) {
			k.complain(path, "expects something of data that cannot be opened", "fails alone", "")
		}
		k.expectation(path+".expect", s.Expect)
	}
}

func (k *checker) answer(path string, a *Answer) {
	k.app(path+".app_id", a.AppID)
	k.id(path+".huid", "user", a.Huid, k.users)
}

// device checks that a device is there.
func (k *checker) device(path, cuid string) {
	if known := slices.Sorted(maps.Keys(k.devices)); cuid != "" && !k.devices[cuid] {
		k.complain(path, "there is no device "+cuid, oneOf(known), nearest(cuid, known))
	}
}
