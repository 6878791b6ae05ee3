package seal

import (
	"encoding/json"
	"strings"
	"testing"
)

// The digests below were made with sha1sum.
func TestSignature(t *testing.T) {
	const want = "335ed7c70f3b95b510ace31d765d8f92a40d8601"
	got := Signature("token", "1546000000", "4464221", "Encrypt")
	if got != want {
		t.Errorf("Signature is %s, want %s", got, want)
	}
	// The texts are sorted, so their order is all the same.
	if other := Signature("Encrypt", "4464221", "token", "1546000000"); other != got {
		t.Errorf("in another order it is %s", other)
	}
	if other := Signature("token", "1546000001", "4464221", "Encrypt"); other == got {
		t.Error("another timestamp has the same signature")
	}
	if got, want := URLSignature("token", "1546000000", "4464221"), "d3de7e95c124e50b9823f63669bf73cc69ead4e0"; got != want {
		t.Errorf("URLSignature is %s, want %s", got, want)
	}
}

func TestPushOnTheWire(t *testing.T) {
	c := testCiphers(t)["push"]
	p := c.Push("token", "1535551395", "4464221", testRandom, []byte(`{"event":"X"}`), "17328232")
	wire, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Nonce":"4464221","TimeStamp":"1535551395","Encrypt":"` + p.Encrypt + `","MsgSignature":"` + p.MsgSignature + `"}`
	if string(wire) != want {
		t.Errorf("on the wire it is\n%s\nwant\n%s", wire, want)
	}
	for _, text := range []string{want, strings.Replace(want, `"1535551395"`, `1535551395`, 1)} {
		var back Push
		if err := json.Unmarshal([]byte(text), &back); err != nil || back != p {
			t.Errorf("%s reads as %+v, %v", text, back, err)
			continue
		}
		message, id, err := back.Open(c, "token")
		if err != nil || string(message) != `{"event":"X"}` || id != "17328232" {
			t.Errorf("%s opens as %q, %q, %v", text, message, id, err)
		}
	}
}

func TestPushRefused(t *testing.T) {
	c := testCiphers(t)["push"]
	p := c.Push("token", "1535551395", "4464221", testRandom, []byte("m"), "1")
	if _, _, err := p.Open(c, "other"); err == nil || !strings.Contains(err.Error(), "MsgSignature") {
		t.Errorf("another token: %v", err)
	}
	damaged := p
	damaged.Encrypt = "AAAA"
	damaged.MsgSignature = Signature("token", p.TimeStamp, p.Nonce, "AAAA")
	if _, _, err := damaged.Open(c, "token"); err == nil || !strings.Contains(err.Error(), "push: Encrypt: sealed message: 3 bytes") {
		t.Errorf("a damaged text: %v", err)
	}
	for _, text := range []string{`{"TimeStamp":true}`, `{"TimeStamp":{}}`, `{"Nonce":1}`, `[]`} {
		if err := json.Unmarshal([]byte(text), new(Push)); err == nil {
			t.Errorf("%s reads as a push", text)
		}
	}
	var null Push
	if err := json.Unmarshal([]byte(`{"TimeStamp":null,"Nonce":"1"}`), &null); err != nil || null != (Push{Nonce: "1"}) {
		t.Errorf("a null reads as %+v, %v", null, err)
	}
}
