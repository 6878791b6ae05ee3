package emulator_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What seed 004 says of user data: authorize, getUserInfo, decryption,
// settings, addresses and invoice titles, from the client's side of the host
// API. A client's names are its own; what they come from is the host's.

// TestSeed004GetUserInfo logs in, exchanges the code, gets the user's
// information and opens it with the steps that the document lists.
func TestSeed004GetUserInfo(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	key := h.exchange(ok[coded](h, hostLogin, "").Code)
	if !ok[checked](h, hostSession, "").Result {
		t.Error("checkSession fails after login")
	}
	data := ok[accredited](h, hostAccredit, answers("snsapi_userinfo", "true")).OpenData
	for name, got := range map[string]string{"nickName": data.UserInfo.Nickname, "avatarUrl": data.UserInfo.HeadImgURL, "gender": data.UserInfo.Sex} {
		if got == "" {
			t.Errorf("%s is empty", name)
		}
	}
	frame := bySteps(t, key, data.IV, data.Data)
	size := binary.BigEndian.Uint32(frame[16:20])
	message, appKey := frame[20:20+size], frame[20+size:]
	var user fields
	if err := json.Unmarshal(message, &user); err != nil {
		t.Fatal(err)
	}
	want := fields{"nickname": data.UserInfo.Nickname, "headimgurl": data.UserInfo.HeadImgURL, "sex": 1.0, "openid": user["openid"]}
	if d := cmp.Diff(want, user); d != "" || string(appKey) != h.key {
		t.Errorf("for %s (-want +got):\n%s", appKey, d)
	}

	// A new login may kill the key: what was sealed before is lost with it.
	fresh := h.exchange(ok[coded](h, hostLogin, "").Code)
	if got, err := h.open(fresh, data.IV, data.Data); err == nil {
		t.Errorf("the new key opens the old data: %v", got)
	}
	must[fields](t, h.e, "PATCH", box+"/config", `{"kill_old_session":false}`)
	if kept := h.exchange(ok[coded](h, hostLogin, "").Code); kept != fresh {
		t.Error("with kill_old_session off the key changes")
	}
}

// exchange is what an app's server does with a code.
func (h *hostApp) exchange(code string) string {
	h.Helper()
	app := must[struct {
		Secret string `json:"app_secret"`
	}](h, h.e, "GET", fmt.Sprintf("%s/apps/%d", box, h.id), "")
	var out struct {
		OpenID     string `json:"openid"`
		SessionKey string `json:"session_key"`
	}
	a := post(h.e, "/nalogin/getSessionKeyByCode", "client_id", h.key, "sk", app.Secret, "code", code)
	if a.into(h, &out); len(out.SessionKey) != 32 || out.OpenID == "" {
		h.Fatalf("exchange: %d %s", a.status, a.body)
	}
	return out.SessionKey
}

// bySteps decrypts by the document's four steps, with the standard library
// alone, and checks and cuts the padding.
func bySteps(t testing.TB, sessionKey, iv, data string) []byte {
	t.Helper()
	decode := func(text string) []byte {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	key, vector, text := decode(sessionKey), decode(iv), decode(data)
	if len(key) != 24 || len(vector) != 16 {
		t.Fatalf("a key of %d bytes and a vector of %d", len(key), len(vector))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCBCDecrypter(block, vector).CryptBlocks(text, text)
	pad := int(text[len(text)-1])
	if pad < 1 || pad > len(text) || !bytes.Equal(text[len(text)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		t.Fatalf("the padding ends with %d", pad)
	}
	return text[:len(text)-pad]
}

// TestSeed004Padding fills blocks of 16 or, as one document has it, 32 bytes.
func TestSeed004Padding(t *testing.T) {
	t.Parallel()
	for _, block := range []int{16, 32} {
		h := newHostApp(t)
		must[fields](t, h.e, "PATCH", box+"/config", fmt.Sprintf(`{"user_data_padding":%d}`, block))
		ok[coded](h, hostLogin, "")
		for n := range 40 {
			must[fields](t, h.e, "PATCH", box+"/users/295421489", fmt.Sprintf(`{"nickname":%q}`, strings.Repeat("x", n+1)))
			data := ok[accredited](h, hostAccredit, answers("snsapi_userinfo", "true")).OpenData
			plain, text := bySteps(t, h.sessionKey(), data.IV, data.Data), must64(t, data.Data)
			if pad := len(text) - len(plain); len(text)%block != 0 || pad < 1 || pad > block {
				t.Errorf("blocks of %d: %d bytes hold %d", block, len(text), len(plain))
			}
		}
	}
}

func must64(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSeed004Scopes asks for each scope of the document's list, as a client
// would, and looks at the settings.
func TestSeed004Scopes(t *testing.T) {
	t.Parallel()
	for client, host := range map[string]string{
		"scope.userInfo": "snsapi_userinfo", "scope.userLocation": "mapp_location", "scope.writePhotosAlbum": "mapp_images",
		"scope.address": "mapp_choose_address", "scope.invoiceTitle": "mapp_choose_invoice", "scope.record": "mapp_record", "scope.camera": "mapp_camera",
	} {
		h := newHostApp(t)
		settings := func() map[string]bool {
			return must[shownGrants](t, h.e, "GET", box+"/grants", "").AuthSetting
		}
		ask := func() string {
			return must[struct{ Answer string }](t, h.e, "POST", box+"/asks", fmt.Sprintf(`{"ask":%q}`, client)).Answer
		}
		tip := func() string { return ok[allScopes](h, hostUpdate, "").Accredit.Data.List[host].TipStatus }

		// Not asked yet: a dialog, which the user cancels; nothing is written.
		must[fields](t, h.e, "POST", box+"/answers", fmt.Sprintf(`{"ask":%q,"answer":"cancel"}`, client))
		if tip() != "0" || ask() != "cancel" || len(settings()) != 0 {
			t.Errorf("%s, cancelled: tip_status %s, settings %v", client, tip(), settings())
		}
		// Again: the user agrees, the client authorizes. From then on no dialog.
		if ask() != "agree" {
			t.Errorf("%s: the user does not agree", client)
		}
		ok[accredited](h, hostAuthorize, answers(host, "true"))
		if d := cmp.Diff(map[string]bool{client: true}, settings()); d != "" || tip() != "1" {
			t.Errorf("%s, agreed: tip_status %s, settings (-want +got):\n%s", client, tip(), d)
		}
		// openSetting: the user takes it back.
		must[fields](t, h.e, "PUT", box+"/grants", fmt.Sprintf(`{"scope":%q,"permit":false}`, client))
		if d := cmp.Diff(map[string]bool{client: false}, settings()); d != "" || tip() != "-1" {
			t.Errorf("%s, taken back: tip_status %s, settings (-want +got):\n%s", client, tip(), d)
		}
	}
}

// TestSeed004ChooseAddress makes swan.chooseAddress's answer of a host's list.
func TestSeed004ChooseAddress(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	must[fields](t, h.e, "PUT", box+"/grants", `{"scope":"scope.address"}`)
	type region struct{ Code, Name string }
	list := ok[struct {
		List []struct {
			ID, Name, Phone, Street, Zipcode, Default string
			Cipher                                    string `json:"phone_cipher"`
			L1, L2, L3                                region
		}
	}](h, hostAddress, "").List
	if len(list) != 1 {
		t.Fatalf("%d addresses", len(list))
	}
	a := list[0]
	for name, got := range map[string]string{
		"userName": a.Name, "postalCode": a.Zipcode, "provinceName": a.L1.Name, "cityName": a.L2.Name,
		"countyName": a.L3.Name, "detailInfo": a.Street, "telNumber": a.Phone,
	} {
		if got == "" {
			t.Errorf("%s is empty: %+v", name, a)
		}
	}
}

// TestSeed004ChooseInvoiceTitle makes swan.chooseInvoiceTitle's answer of a
// host's list.
func TestSeed004ChooseInvoiceTitle(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	must[fields](t, h.e, "PUT", box+"/grants", `{"scope":"scope.invoiceTitle"}`)
	list := ok[struct{ List []fields }](h, hostInvoice, "").List
	if len(list) != 1 {
		t.Fatalf("%d invoice titles", len(list))
	}
	if kind := list[0]["type"]; kind != 0.0 {
		t.Errorf("type %v, want 0, a company", kind)
	}
	for client, host := range map[string]string{
		"title": "title", "taxNumber": "tax_number", "companyAddress": "company_address", "telephone": "telephone",
		"bankName": "bank_name", "bankAccount": "bank_account",
	} {
		if text, is := list[0][host].(string); !is || text == "" {
			t.Errorf("%s is %v", client, list[0][host])
		}
	}
}

// sealedBy makes what counterparts open, and what they must find.
func sealedBy(t *testing.T) (key, iv, data, want string) {
	t.Helper()
	h := newHostApp(t)
	ok[coded](h, hostLogin, "")
	got := ok[accredited](h, hostAccredit, answers("mobile", "true")).OpenData
	return h.sessionKey(), got.IV, got.EncryptedData, `{"mobile":"13800138000"}` + h.key
}

// found cuts the frame of what a counterpart printed.
func found(t *testing.T, frame []byte) string {
	t.Helper()
	if len(frame) < 20 {
		t.Fatalf("%d bytes", len(frame))
	}
	return string(frame[20:])
}

// TestUserDataOpenSSL lets the openssl command decrypt a telephone number. It
// is asked for with EMU_OPENSSL=1, and then the command has to be there.
func TestUserDataOpenSSL(t *testing.T) {
	if os.Getenv("EMU_OPENSSL") != "1" {
		t.Log("not asked for: set EMU_OPENSSL=1")
		return
	}
	key, iv, data, want := sealedBy(t)
	out := run(t, data, "openssl", "enc", "-d", "-aes-192-cbc", "-a", "-A",
		"-K", hex.EncodeToString(must64(t, key)), "-iv", hex.EncodeToString(must64(t, iv)))
	if got := found(t, out); got != want {
		t.Errorf("openssl finds %q, want %q", got, want)
	}
}

// TestUserDataNodeJS lets Node's crypto decrypt a telephone number. It is asked
// for with EMU_NODE=1, and then node has to be there.
func TestUserDataNodeJS(t *testing.T) {
	if os.Getenv("EMU_NODE") != "1" {
		t.Log("not asked for: set EMU_NODE=1")
		return
	}
	const script = `
const crypto = require('node:crypto');
const [key, iv, data] = process.argv.slice(1).map(text => Buffer.from(text, 'base64'));
const d = crypto.createDecipheriv('aes-192-cbc', key, iv);
process.stdout.write(Buffer.concat([d.update(data), d.final()]));`
	key, iv, data, want := sealedBy(t)
	if got := found(t, run(t, "", "node", "-e", script, key, iv, data)); got != want {
		t.Errorf("node finds %q, want %q", got, want)
	}
}

func run(t *testing.T, stdin string, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, stderr.String())
	}
	return out
}
