package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Keys of the tests; no platform ever gave them out, except for the session
// of the published sample.
const (
	testAESKey  = "EmuEmuEmuEmuEmuEmuEmuEmuEmuEmuEmuEmuEmuEmu7"
	testSession = "00112233445566778899aabbccddeeff"
	testIV      = "MDEyMzQ1Njc4OWFiY2RlZg=="

	sampleSession = "5c58679ff3d0e992de6338cf0c2944d7"
	sampleIV      = "5c58679ff3d0e992de633w=="
	sampleText    = "2e1xg4uFtsWLRoYMT9H398Zb1wfXxtl9Or9Q39Qb5JXiYp4ARCwGktdF+cpQC5GhRMXc8Eun9c9Hws2KCmxTi+/QZN9lQhCwWdkrdRXmQeqDAmih0Zng2nM90FlIbEFDPchGuehiVZ4RxSbJnpa1BPSU3F4KLLUTsX+jAZxdulP3sczsN30XpjDf48m3C3Ff/5Rkg3/Q3MhlQEF9lTSL7fdiGgvVHaEav5Fr7hRNqG3G/S8a+WMNX9R3cmdf05sTt+GAvPft0tgTzs7sl15d/g=="
)

var testRandom = [16]byte([]byte("Ab3dEf6hIj9lMn0p"))

// testCiphers returns one cipher of each kind, by name.
func testCiphers(t testing.TB) map[string]Cipher {
	t.Helper()
	push, err := PushCipher(testAESKey)
	if err != nil {
		t.Fatal(err)
	}
	user16, err := UserDataCipher(testSession, testIV, 16)
	if err != nil {
		t.Fatal(err)
	}
	user32, err := UserDataCipher(testSession, testIV, 32)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Cipher{"push": push, "user data 16": user16, "user data 32": user32}
}

func TestOpenReadsThePublishedSample(t *testing.T) {
	c, err := UserDataCipher(sampleSession, sampleIV, 16)
	if err != nil {
		t.Fatal(err)
	}
	message, id, err := c.Open(sampleText)
	if err != nil {
		t.Fatal(err)
	}
	var user struct {
		Nickname string `json:"nickname"`
		Sex      int    `json:"sex"`
		OpenID   string `json:"openid"`
	}
	if err := json.Unmarshal(message, &user); err != nil {
		t.Fatalf("the sample holds %q: %v", message, err)
	}
	if user.Nickname != "HQMIS" || user.Sex != 1 || user.OpenID != "mgJNc4Ut1tzE1L1ltQCCBWCZ9L" {
		t.Errorf("the sample holds %+v", user)
	}
	if len(id) != 32 {
		t.Errorf("the sample's id is %q, want an AppKey of 32 characters", id)
	}

	if iv, err := UserDataIV(sampleSession); err != nil || iv != sampleIV {
		t.Errorf("the key's initialisation vector is %q, %v; the sample has %q", iv, err, sampleIV)
	}

	// Sealed again with the sample's own random bytes, it is the sample,
	// whichever block its author padded to.
	raw := openRaw(t, c, sampleText)
	for _, block := range []int{16, 32} {
		c, err := UserDataCipher(sampleSession, sampleIV, block)
		if err != nil {
			t.Fatal(err)
		}
		if c.Seal([16]byte(raw[:16]), message, id) == sampleText {
			return
		}
	}
	t.Error("the sample, opened and sealed again, is another text")
}

// TestOpenReadsTheDocumentsSample opens the sample of the platform's own page
// on decryption, which says what must come out and for which app.
func TestOpenReadsTheDocumentsSample(t *testing.T) {
	const (
		appKey  = "y2dTfnWfkx2OXttMEMWlGHoB1KzMogm7"
		session = "1df09d0a1677dd72b8325aec59576e0c"
		iv      = "1df09d0a1677dd72b8325Q=="
		text    = "OpCoJgs7RrVgaMNDixIvaCIyV2SFDBNLivgkVqtzq2GC10egsn+PKmQ/+5q+chT8xzldLUog2haTItyIkKyvzvmXonBQLIMeq54axAu9c3KG8IhpFD6+ymHocmx07ZKi7eED3t0KyIxJgRNSDkFk5RV1ZP2mSWa7ZgCXXcAbP0RsiUcvhcJfrSwlpsm0E1YJzKpYy429xrEEGvK+gfL+Cw=="
	)
	c, err := UserDataCipher(session, iv, 16)
	if err != nil {
		t.Fatal(err)
	}
	message, id, err := c.Open(text)
	const want = `{"openid":"open_id","nickname":"baidu_user","headimgurl":"url of image","sex":1}`
	if err != nil || string(message) != want || id != appKey {
		t.Errorf("the sample holds %q of %q, %v", message, id, err)
	}
	if got, err := UserDataIV(session); err != nil || got != iv {
		t.Errorf("the key's initialisation vector is %q, %v; the sample has %q", got, err, iv)
	}
	for _, bad := range []string{"", session[1:], session[:31] + "g"} {
		if got, err := UserDataIV(bad); err == nil || got != "" {
			t.Errorf("the session key %q has the initialisation vector %q", bad, got)
		}
	}
}

// openRaw decrypts a text without looking at it.
func openRaw(t *testing.T, c Cipher, text string) []byte {
	t.Helper()
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return decryptBlocks(c, sealed)
}

func TestSealAndOpen(t *testing.T) {
	for name, c := range testCiphers(t) {
		for n := range 70 {
			message, id := bytes.Repeat([]byte("中"), n), strings.Repeat("9", n%9)
			text := c.Seal(testRandom, message, id)
			if again := c.Seal(testRandom, message, id); again != text {
				t.Fatalf("%s: sealing twice gives two texts", name)
			}
			got, gotID, err := c.Open(text)
			if err != nil || !bytes.Equal(got, message) || gotID != id {
				t.Fatalf("%s: message of %d runes: got %q, %q, %v", name, n, got, gotID, err)
			}
		}
	}
}

// TestSealFillsTheBlock checks the padding of each kind, a whole block of it
// where nothing is left to fill included.
func TestSealFillsTheBlock(t *testing.T) {
	for name, c := range testCiphers(t) {
		for n := range 40 {
			plain := openRaw(t, c, c.Seal(testRandom, make([]byte, n), ""))
			want := c.keyed().pad - (frameLen+n)%c.keyed().pad
			if len(plain) != frameLen+n+want || int(plain[len(plain)-1]) != want {
				t.Fatalf("%s: %d bytes for a message of %d, last byte %d, want a padding of %d",
					name, len(plain), n, plain[len(plain)-1], want)
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	c := testCiphers(t)["push"]
	frame := func(head string, size uint32, tail string, padding ...byte) string {
		plain := append([]byte(head), byte(size>>24), byte(size>>16), byte(size>>8), byte(size))
		return base64.StdEncoding.EncodeToString(encryptBlocks(c, append(append(plain, tail...), padding...)))
	}
	repeat := func(b byte, n int) []byte { return bytes.Repeat([]byte{b}, n) }
	good := frame(string(testRandom[:]), 2, "okid", repeat(8, 8)...)
	if _, _, err := c.Open(good); err != nil {
		t.Fatalf("a frame made by hand: %v", err)
	}
	wide := frame(string(testRandom[:]), 2, "okid", repeat(24, 24)...)
	if _, _, err := c.Open(wide); err != nil {
		t.Fatalf("a padding of 24 bytes: %v", err)
	}
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":              {"", "0 bytes, want a multiple of 16"},
		"not base64":           {"***", "not base64 from character 1 on"},
		"line break":           {good[:8] + "\n" + good[8:], "line break at character 9"},
		"excess bits":          {strings.Replace(good, good[len(good)-3:], "h==", 1), "not base64"},
		"url alphabet":         {"-_-_", "not base64 from character 1 on"},
		"half a block":         {"AAAAAAAAAAA=", "8 bytes, want a multiple of 16"},
		"padding of 0":         {frame(string(testRandom[:]), 2, "okid", repeat(0, 8)...), "1 to 32"},
		"padding of 33":        {frame(string(testRandom[:]), 2, "okid", repeat(33, 40)...), "1 to 32"},
		"padding differs":      {frame(string(testRandom[:]), 2, "okid", append([]byte{7}, repeat(8, 7)...)...), "bytes differ"},
		"padding over the end": {base64.StdEncoding.EncodeToString(encryptBlocks(c, repeat(17, 16))), "1 to 16"},
		"only padding":         {base64.StdEncoding.EncodeToString(encryptBlocks(c, repeat(16, 16))), "0 bytes without padding"},
		"no length":            {base64.StdEncoding.EncodeToString(encryptBlocks(c, append(repeat(1, 19), repeat(13, 13)...))), "19 bytes without padding"},
		"length too large":     {frame(string(testRandom[:]), 5, "okid", repeat(8, 8)...), "says its message has 5 bytes, 4 follow"},
		"length over 31 bits":  {frame(string(testRandom[:]), 1<<32-1, "okid", repeat(8, 8)...), "says its message has 4294967295 bytes"},
	} {
		message, id, err := c.Open(tc.text)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %q, %q, %v; want an error with %q", name, message, id, err, tc.want)
		}
	}
	if _, _, err := (Cipher{}).Open(good); err == nil {
		t.Error("the zero Cipher opens a message")
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	push := map[string]string{
		"":                             "0 characters, want 43",
		strings.Repeat("a", 42):        "42 characters, want 43",
		strings.Repeat("a", 44):        "44 characters, want 43",
		strings.Repeat("a", 42) + "-":  "not base64 from character 43 on",
		strings.Repeat("a", 42) + "=":  "31 bytes do not make an AES key",
		"\n" + strings.Repeat("a", 42): "line break at character 1",
		strings.Repeat("中", 14) + "a":  "not base64 from character 1 on",
		strings.Repeat("a", 20) + "\x00" + strings.Repeat("a", 22): "not base64 from character 21 on",
	}
	for key, want := range push {
		_, err := PushCipher(key)
		checkRefusal(t, err, want, key)
	}
	for _, tc := range []struct {
		session, iv string
		block       int
		want        string
	}{
		{testSession, testIV, 0, "padding block: 0 bytes, want 16 or 32"},
		{testSession, testIV, 24, "padding block: 24 bytes"},
		{testSession[:31], testIV, 16, "31 characters, want 32"},
		{testSession + "0", testIV, 16, "33 characters, want 32"},
		{"g" + testSession[1:], testIV, 16, "character 1 is not a hexadecimal digit"},
		{testSession, "", 16, "iv: base64 of 0 bytes, want 16"},
		{testSession, "MDEyMzQ1Njc4OWFiY2Rl", 16, "iv: base64 of 15 bytes, want 16"},
		{testSession, "secret iv", 16, "iv: not base64"},
	} {
		_, err := UserDataCipher(tc.session, tc.iv, tc.block)
		checkRefusal(t, err, tc.want, tc.session, tc.iv)
	}
}

// checkRefusal wants an error with the text given and without the secrets.
func checkRefusal(t *testing.T, err error, want string, secrets ...string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want one with %q", err, want)
		return
	}
	for _, s := range secrets {
		if len(s) > 4 && strings.Contains(err.Error(), s[:5]) {
			t.Errorf("error %q shows the key", err)
		}
	}
}

// TestEncodingAESKeyWithExcessBits takes the keys that generators of letters
// and digits make: three in four have bits that base64 leaves unused.
func TestEncodingAESKeyWithExcessBits(t *testing.T) {
	a, err := PushCipher(strings.Repeat("a", 42) + "A")
	if err != nil {
		t.Fatal(err)
	}
	b, err := PushCipher(strings.Repeat("a", 42) + "B")
	if err != nil {
		t.Fatal(err)
	}
	if message, _, err := b.Open(a.Seal(testRandom, []byte("m"), "")); err != nil || string(message) != "m" {
		t.Errorf("keys that differ in unused bits: got %q, %v", message, err)
	}
}

func TestAnotherKeyOpensNothing(t *testing.T) {
	ciphers := testCiphers(t)
	other, err := PushCipher(strings.Repeat("b", 43))
	if err != nil {
		t.Fatal(err)
	}
	if message, _, err := other.Open(ciphers["push"].Seal(testRandom, []byte("message"), "1")); err == nil {
		t.Errorf("opened %q", message)
	}
}

func TestPrintingACipherShowsNoKey(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString(testAESKey + "=")
	if err != nil {
		t.Fatal(err)
	}
	c := testCiphers(t)["push"]
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		for _, shown := range []string{fmt.Sprintf(verb, c), fmt.Sprintf(verb, struct{ c Cipher }{c})} {
			for _, secret := range []string{hex.EncodeToString(key[:4]), fmt.Sprint(key[:4])[1:8], testAESKey[:6]} {
				if strings.Contains(shown, secret) {
					t.Errorf("%s shows %q", verb, shown)
				}
			}
		}
	}
}

// TestOpenSSLReadsWhatIsSealed is the counterpart from elsewhere: the openssl
// command decrypts what Seal made. It is asked for with EMU_OPENSSL=1, and
// then the command has to be there.
func TestOpenSSLReadsWhatIsSealed(t *testing.T) {
	if os.Getenv("EMU_OPENSSL") != "1" {
		t.Log("not asked for: set EMU_OPENSSL=1")
		return
	}
	const message, id = `{"event":"包审核通过"}`, "17328232"
	wantHead := string(testRandom[:]) + "\x00\x00\x00" + string(rune(len(message))) + message + id
	for name, key := range map[string]string{"push": testAESKey + "=", "user data 16": testSession, "user data 32": testSession} {
		raw, err := base64.StdEncoding.DecodeString(key)
		if err != nil {
			t.Fatal(err)
		}
		iv, pad := raw[:16], 32
		if name != "push" {
			iv = []byte("0123456789abcdef")
		}
		if name == "user data 16" {
			pad = 16
		}
		cmd := exec.CommandContext(t.Context(), "openssl", "enc", "-d", fmt.Sprintf("-aes-%d-cbc", len(raw)*8),
			"-nopad", "-a", "-A", "-K", hex.EncodeToString(raw), "-iv", hex.EncodeToString(iv))
		cmd.Stdin = strings.NewReader(testCiphers(t)[name].Seal(testRandom, []byte(message), id))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: openssl: %v\n%s", name, err, out)
		}
		n := pad - len(wantHead)%pad
		if want := wantHead + strings.Repeat(string(rune(n)), n); string(out) != want {
			t.Errorf("%s: openssl reads %q, want %q", name, out, want)
		}
	}
	cmd := exec.CommandContext(t.Context(), "openssl", "dgst", "-sha1", "-r")
	cmd.Stdin = strings.NewReader("1546000000" + "4464221" + "Encrypt" + "token")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	if got := Signature("token", "1546000000", "4464221", "Encrypt"); !strings.HasPrefix(string(out), got) {
		t.Errorf("Signature is %s, openssl says %s", got, out)
	}
}

func FuzzOpen(f *testing.F) {
	ciphers := testCiphers(f)
	f.Add("")
	f.Add(sampleText)
	f.Add(ciphers["push"].Seal(testRandom, []byte("message"), "17328232"))
	f.Add(ciphers["user data 16"].Seal(testRandom, nil, ""))
	f.Fuzz(func(t *testing.T, text string) {
		for name, c := range ciphers {
			message, id, err := c.Open(text)
			if err != nil {
				if message != nil || id != "" {
					t.Errorf("%s: an error and %q, %q", name, message, id)
				}
				continue
			}
			plain := openRaw(t, c, text)
			if got := len(plain) - frameLen - len(message) - len(id); got < 1 || got > maxPad {
				t.Errorf("%s: %d bytes hold a message of %d and an id of %d", name, len(plain), len(message), len(id))
			}
		}
	})
}

// FuzzOpenFrame fuzzes what is inside the encryption, where FuzzOpen gets only
// by luck.
func FuzzOpenFrame(f *testing.F) {
	c := testCiphers(f)["push"]
	f.Add([]byte("Ab3dEf6hIj9lMn0p\x00\x00\x00\x02okid\x08\x08\x08\x08\x08\x08\x08\x08"))
	f.Add(bytes.Repeat([]byte{16}, 16))
	f.Fuzz(func(t *testing.T, plain []byte) {
		plain = plain[:len(plain)/16*16]
		message, id, err := c.Open(base64.StdEncoding.EncodeToString(encryptBlocks(c, plain)))
		if err != nil {
			return
		}
		if !bytes.HasPrefix(plain[frameLen:], append(bytes.Clone(message), id...)) {
			t.Errorf("%q opens as %q, %q", plain, message, id)
		}
	})
}

func FuzzSealOpen(f *testing.F) {
	ciphers := testCiphers(f)
	f.Add([]byte("0123456789abcdef"), []byte(`{"event":"PACKAGE_AUDIT_PASS"}`), "17328232")
	f.Add([]byte{}, []byte{}, "")
	f.Fuzz(func(t *testing.T, random, message []byte, id string) {
		var r [16]byte
		copy(r[:], random)
		for name, c := range ciphers {
			got, gotID, err := c.Open(c.Seal(r, message, id))
			if err != nil || !bytes.Equal(got, message) || gotID != id {
				t.Errorf("%s: sealed %q, %q; opened %q, %q, %v", name, message, id, got, gotID, err)
			}
		}
	})
}
