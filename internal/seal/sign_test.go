package seal

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The digests below were made with md5sum.
func TestHostSignature(t *testing.T) {
	params := map[string]string{
		"request_id": "2564900132", "client_id": "y2dTfnWfkx2OXttMEMWlGHoB1KzMogm7",
		"code": "5sJt0sLoginCodeExample0000000001", "timestamp": "1767574800", "sign_version": "0.0.1",
	}
	const want = "c84fbd3f95c2dbee8c5d55654f4db359"
	if got := HostSignature(params, "example-hsk"); got != want {
		t.Errorf("HostSignature is %s, want %s", got, want)
	}
	params["sign"] = want
	if got := HostSignature(params, "example-hsk"); got != want {
		t.Errorf("with sign among the parameters it is %s, want %s", got, want)
	}
	if got := HostSignature(params, "example-hsK"); got == want {
		t.Error("another secret signs the same")
	}
	params["code"] = "5sJt0sLoginCodeExample0000000002"
	if got := HostSignature(params, "example-hsk"); got == want {
		t.Error("another code is signed the same")
	}
}

func TestHostSessionKey(t *testing.T) {
	const want = "9a791df3812d3d5ea70331b13e5cd09d"
	got := HostSessionKey("y2dTfnWfkx2OXttMEMWlGHoB1KzMogm7", "295421489", "1767574800", "example-hsk")
	if got != want {
		t.Errorf("HostSessionKey is %s, want %s", got, want)
	}
	// Such a key seals user data, whatever the digits.
	if _, err := UserDataCipher(got, "ec718a7b8ca261559b44fw==", 16); err != nil {
		t.Errorf("as a session key: %v", err)
	}
}

func TestSwanIDSignature(t *testing.T) {
	const want = "15a54417f332fea3e6dd74061f9e8187"
	got := SwanIDSignature("y2dTfnWfkx2OXttMEMWlGHoB1KzMogm7", "example-client-secret", "HHOST1EXAMPLE0001")
	if got != want {
		t.Errorf("SwanIDSignature is %s, want %s", got, want)
	}
}

// TestOpenSSLSigns is the counterpart from elsewhere, asked for with
// EMU_OPENSSL=1.
func TestOpenSSLSigns(t *testing.T) {
	if os.Getenv("EMU_OPENSSL") != "1" {
		t.Log("not asked for: set EMU_OPENSSL=1")
		return
	}
	for text, got := range map[string]string{
		"a=1&b=二&hsk=secret":             HostSignature(map[string]string{"b": "二", "a": "1", "sign": "x"}, "secret"),
		"key2954214891secret":            HostSessionKey("key", "295421489", "1", "secret"),
		"appkey=Asecret_key=Sswanid=W%&": SwanIDSignature("A", "S", "W%&"),
	} {
		cmd := exec.CommandContext(t.Context(), "openssl", "dgst", "-md5", "-r")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("openssl: %v\n%s", err, out)
		}
		if !strings.HasPrefix(string(out), got+" ") {
			t.Errorf("%q: we have %s, openssl %s", text, got, out)
		}
	}
}
