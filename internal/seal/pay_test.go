package seal

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The key pair and the signature that the platform's documents show: keys are
// made so, and this is the signature of the example order.
const (
	samplePayKey = `-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQC6ZbnSK6EeCMFq3KUdp2hyd5ExvfPYy65berLkjm8eKX2swDq9
nF+bpCtM27+0pssRuoypaBIOTP3nf+Qpd1p8yP8kMQF3GbUy1t9kZzs0lqpGe7RZ
/7ehVKIyLlCEgm5cUMFGKyLH33XL1QcQkqAJjinbjgYjtvt1Ms+VCmmolwIDAQAB
AoGBAJ9H/HGHzOeAbd/masabXtqqKA3Ml4rECturTyGWQYgRxo4PumJ7NQwoTsQf
6IL0IQWmVzsQbpV/31yq4gs5Lb2MzXDAsfAWkj+Z4xCvApLyzCgrS9HomKl/PM4W
tZeCH7rYiqs2eTtqGlV/zBwKe5sUQJ7uTkSqePkGz9+WyVw5AkEA49tYgWlv2vkf
WPNq5Rv4ouPRBbNFCGJiWD5jBl2cGEhywfsEfZsqGzUPkgFI+rs4VPWyHzwUuVRU
bJhcfyBPJQJBANFrdvaFkiNdjpay+VRlMRgPkOB4wlXk+16RgX5tj5WJY/yKOEGI
k6T8tExXJuwzp2b/zqdqjGJYDawbBiOimgsCQEZyPGzWUlTbDMwNhhELktWZpbgj
csZi1JD/yNHhAy+mxoQevYawAFalEwlLCGsskwABbm6lvqqF3gwtFvve21kCQFQ3
RjDfCCTGs9ewg4nH49VMNTO//E60dc3S7+NaxdoZ1SayourftJgts4fbqGBmaVSH
XKCAvZGy3VSvzWk5M38CQQCozKD1ddDDrtE2gQKtKAjOzcvgJsell085f1cObc/C
pRG0IMfXcGi352IS5xbgJWnX+9UZwW5UppDJr6YKFA1K
-----END RSA PRIVATE KEY-----
`
	samplePayText = "appKey=MMMabc&dealId=470193086&totalAmount=11300&tpOrderId=3028903626"
	samplePaySign = "TN0ZNPyQeTnPjCN5hUa7JwrXOhR8uDASXPazidVQHFSiGCH5aouBkVvJxtf8PeqzGYWAASwS2oOt2eJfunzC5dTFd/pWJeJToMgCSgRY7KtQUCCDnMrtpqiMAf+dLiXps3HpWhVB4CK6MXfHc64ejP5a2fu5bg8B0BTcHrqaGc0="
)

func samplePay() map[string]string {
	return map[string]string{"appKey": "MMMabc", "dealId": "470193086", "tpOrderId": "3028903626", "totalAmount": "11300"}
}

func testPay(t testing.TB) (PaySigner, PayVerifier) {
	t.Helper()
	s, err := ParsePaySigner(samplePayKey)
	if err != nil {
		t.Fatal(err)
	}
	v, err := ParsePayVerifier(s.Public())
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

func TestPaySignsAsThePublishedSample(t *testing.T) {
	s, v := testPay(t)
	if text := PayText(samplePay()); text != samplePayText {
		t.Errorf("signed is %s, want %s", text, samplePayText)
	}
	sign, err := s.Sign(samplePay())
	if err != nil || sign != samplePaySign {
		t.Errorf("the signature is %s, %v, want %s", sign, err, samplePaySign)
	}
	if err := v.Verify(samplePay(), samplePaySign); err != nil {
		t.Errorf("the sample is refused: %v", err)
	}
}

func TestPayText(t *testing.T) {
	for want, params := range map[string]map[string]string{
		"":                  {},
		"a=1":               {"a": "1", "rsaSign": "x", "sign": "y", "sign_type": "z"},
		"B=&a=&b=":          {"a": "", "b": "", "B": ""},
		"k=a&b=c&l=%20+ 中文": {"k": "a&b=c", "l": "%20+ 中文"},
	} {
		if got := PayText(params); got != want {
			t.Errorf("%v: %q, want %q", params, got, want)
		}
	}
}

func TestPayRefused(t *testing.T) {
	s, v := testPay(t)
	other, err := os.ReadFile(filepath.Join("testdata", "other_key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ParsePaySigner(string(other))
	if err != nil {
		t.Fatal(err)
	}
	changed := samplePay()
	changed["totalAmount"] = "1"
	foreign, err := stranger.Sign(samplePay())
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		params map[string]string
		sign   string
		want   string
	}{
		"another amount":  {changed, samplePaySign, "not the signature of these parameters"},
		"another key":     {samplePay(), foreign, "not the signature of these parameters"},
		"empty":           {samplePay(), "", "empty"},
		"a + unescaped":   {samplePay(), strings.ReplaceAll(samplePaySign, "+", " "), "%2B"},
		"no base64":       {samplePay(), samplePaySign[:20] + "*" + samplePaySign[21:], "not base64 from character 21 on"},
		"a line break":    {samplePay(), samplePaySign[:76] + "\n" + samplePaySign[76:], "line break at character 77"},
		"too short":       {samplePay(), samplePaySign[:100], "base64 of 75 bytes, the key makes 128"},
		"of nothing else": {nil, samplePaySign, "not the signature of these parameters"},
	} {
		if err := v.Verify(tc.params, tc.sign); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	if err := (PayVerifier{}).Verify(samplePay(), samplePaySign); err == nil {
		t.Error("a verifier without a key accepts")
	}
	if _, err := (PaySigner{}).Sign(samplePay()); err == nil || (PaySigner{}).Public() != "" {
		t.Error("a signer without a key signs")
	}
	if text := fmt.Sprintf("%v %+v %#v", s, s, &s); strings.Contains(text, "MII") || !strings.Contains(text, "redacted") {
		t.Errorf("a signer prints as %s", text)
	}
}

func TestPayKeys(t *testing.T) {
	s, _ := testPay(t)
	bare := func(text string) string {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		return strings.Join(lines[1:len(lines)-1], "")
	}
	for name, text := range map[string]string{"PEM": samplePayKey, "bare": bare(samplePayKey), "text before": "not a secret\n" + samplePayKey} {
		got, err := ParsePaySigner(text)
		if err != nil || got.Public() != s.Public() {
			t.Errorf("private key, %s: %v", name, err)
		}
	}
	for name, text := range map[string]string{"PEM": s.Public(), "bare": bare(s.Public())} {
		v, err := ParsePayVerifier(text)
		if err != nil || v.Verify(samplePay(), samplePaySign) != nil {
			t.Errorf("public key, %s: %v", name, err)
		}
	}
	const short = `-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANmd7SyRF3vwvNAFmYTVQqaaNFg3kIIs
NRKRXMNYdKwVQXqyp/AOmO8kq29r9T9kkj8EH7TTBp/0ATwx8LmiIj8CAwEAAQ==
-----END PUBLIC KEY-----`
	for _, tc := range []struct{ text, want string }{
		{"", "want PEM"}, {"*", "want PEM"}, {"AAAA", "want an RSA key"}, {samplePayKey, "want an RSA key"}, {short, "512 bits"},
	} {
		if _, err := ParsePayVerifier(tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("public key %.40q: %v, want %s", tc.text, err, tc.want)
		}
	}
	for _, text := range []string{"", "AAAA", s.Public()} {
		if _, err := ParsePaySigner(text); err == nil || strings.Contains(err.Error(), "MIG") {
			t.Errorf("private key %.40q: %v", text, err)
		}
	}
}

// TestPayOpenSSL holds signing and checking against the openssl command, an
// independent implementation. It is asked for with EMU_OPENSSL=1, and fails if
// the command is missing then.
func TestPayOpenSSL(t *testing.T) {
	if os.Getenv("EMU_OPENSSL") != "1" {
		t.Log("not asked for: set EMU_OPENSSL=1")
		return
	}
	s, v := testPay(t)
	dir := t.TempDir()
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	private, public := file("private.pem", samplePayKey), file("public.pem", s.Public())
	for i, params := range []map[string]string{samplePay(), {}, {"promoDetail": "", "returnData": `{"k":"百度 & 商户"}`, "status": "2"}} {
		text := file(fmt.Sprintf("text%d", i), PayText(params))
		sign, err := s.Sign(params)
		if err != nil {
			t.Fatal(err)
		}
		raw := file(fmt.Sprintf("sign%d", i), sign+"\n")
		run("base64", "-d", "-A", "-in", raw, "-out", raw+".bin")
		if out := run("dgst", "-sha1", "-verify", public, "-signature", raw+".bin", text); !strings.Contains(out, "Verified OK") {
			t.Errorf("openssl refuses our signature of %v: %s", params, out)
		}
		run("dgst", "-sha1", "-sign", private, "-out", raw+".theirs", text)
		theirs := run("base64", "-A", "-in", raw+".theirs")
		if err := v.Verify(params, strings.TrimSpace(theirs)); err != nil {
			t.Errorf("openssl's signature of %v: %v", params, err)
		}
	}
}

// FuzzPay holds signing and checking together: what is signed is accepted, and
// nothing else is, whatever texts there are; nothing panics.
func FuzzPay(f *testing.F) {
	f.Add("tpOrderId", "1", "k", "v&x=1", samplePaySign)
	f.Add("", "", "sign", "=", "")
	f.Add("a", "b&c", "c", "", "AAAA")
	s, v := testPay(f)
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2, forged string) {
		params := map[string]string{name1: value1, name2: value2}
		sign, err := s.Sign(params)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(params, sign); err != nil {
			t.Fatalf("%q: %v", params, err)
		}
		if forged != sign && v.Verify(params, forged) == nil && PayText(params) != samplePayText {
			t.Fatalf("%q: a forged signature is accepted", params)
		}
		changed := map[string]string{name1: value1, name2: value2 + "x"}
		if PayText(changed) != PayText(params) && v.Verify(changed, sign) == nil {
			t.Fatalf("%q: the signature is accepted for %q", params, changed)
		}
	})
}
