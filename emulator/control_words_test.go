package emulator_test

import (
	"strings"
	"testing"
)

// TestControlSaysWhatItWants gives texts of a wrong form and reads what is said
// of them: words, and no regular expression.
func TestControlSaysWhatItWants(t *testing.T) {
	e := newEmulator(t, nil)
	const box = "/_emu/sandboxes/default"
	for _, c := range []struct{ method, path, body, pointer, want string }{
		{"POST", box + "/clock/advance?by=soon", "", "/by", "/by: want a duration such as 2h or 3s"},
		{"POST", box + "/clock/advance", `{"by":"2 hours"}`, "/by", "/by: want a duration such as 2h or 3s"},
		{"POST", box + "/clock/advance", `{"to":"tomorrow"}`, "/to", "/to: want a time such as 2026-01-05T09:00:00+08:00"},
		{"POST", box + "/clock/rate", `{"mode":"fast"}`, "/mode", "/mode: want real, virtual, or x and a number, as in x60"},
		{"PATCH", box + "/config", `{"token_ttl":"forever"}`, "/token_ttl", "/token_ttl: want a duration such as 2h or 3s"},
		{"POST", "/_emu/sandboxes", `{"name":"my box"}`, "/name", "/name: want 1 to 64 letters, digits, - and _, beginning with a letter or digit"},
		{"POST", "/_emu/sandboxes", `{"name":"a","clock":{"mode":"fast"}}`, "/clock/mode", "/clock/mode: want real, virtual, or x and a number, as in x60"},
		{"POST", box + "/tps", `{"encoding_aes_key":"short"}`, "/encoding_aes_key", "/encoding_aes_key: want 43 letters, digits, + and /"},
		{"POST", box + "/merchants", `{"app_key":"a-b"}`, "/app_key", "/app_key: want 1 to 64 letters and digits"},
		{"POST", box + "/hosts", `{"name":"Iqiyi"}`, "/name", "/name: want 1 to 32 lower-case letters and digits"},
		{"POST", box + "/clock/advance", `{"by":"soon","to":"later"}`, "/by", "/by: want a duration such as 2h or 3s; /to: want a time such as 2026-01-05T09:00:00+08:00"},
	} {
		p := refused(t, e, 400, c.method, c.path, c.body)
		if p.Detail != c.want || p.Pointer != c.pointer || strings.Contains(p.Detail, "^") {
			t.Errorf("%s %s %s: %s: %q, want %q", c.method, c.path, c.body, p.Pointer, p.Detail, c.want)
		}
	}
}
