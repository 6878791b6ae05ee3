package emulator_test

// A merchant's server, written from what is published about payments and from
// nothing of the emulator's, so that a mistake there is not repeated here.

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/swanemu/emu/emulator"
)

// The answers of a merchant.
const (
	answerConsumed = `{"errno":0,"msg":"success","data":{"isConsumed":2}}`
	answerNoted    = `{"errno":0,"msg":"success","data":{}}`
)

// A merchant takes notifications and signs orders.
type merchant struct {
	t        testing.TB
	server   *httptest.Server
	private  *rsa.PrivateKey
	platform *rsa.PublicKey
	deal     int64
	key      string

	mu sync.Mutex
	// answers are what the next calls of a path are answered with; hang keeps
	// the caller waiting until it gives up.
	answers map[string][]string
	// always, if set, is what a path is answered with when there is nothing
	// else; money is what is asked about.
	always func(path string, money int) string
	got    []calledBack
}

// hang is an answer that does not come.
const hang = "hang"

// calledBack is a call of the platform's.
type calledBack struct {
	path   string
	fields map[string]string
	wrong  error
}

func (x calledBack) String() string {
	f := x.fields
	text := x.path + " " + f["tpOrderId"]
	for _, name := range []string{"status", "applyRefundMoney", "refundStatus"} {
		if v, ok := f[name]; ok {
			text += " " + name + " " + v
		}
	}
	if x.wrong != nil {
		text += " (" + x.wrong.Error() + ")"
	}
	return text
}

// newMerchant returns the server of a sandbox's merchant. Where it is told of
// things is for the test to say.
func newMerchant(t testing.TB, c *emulator.Credentials) *merchant {
	t.Helper()
	m := &merchant{t: t, deal: c.Merchant.DealID, key: c.Merchant.AppKey, answers: map[string][]string{}}
	var err error
	if m.private, err = x509.ParsePKCS1PrivateKey(block(t, c.Merchant.PrivateKey)); err != nil {
		t.Fatal(err)
	}
	public, err := x509.ParsePKIXPublicKey(block(t, c.Merchant.PlatformPublicKey))
	if err != nil {
		t.Fatal(err)
	}
	m.platform = public.(*rsa.PublicKey)
	m.server = httptest.NewServer(m)
	t.Cleanup(m.server.Close)
	return m
}

func block(t testing.TB, text string) []byte {
	t.Helper()
	b, _ := pem.Decode([]byte(text))
	if b == nil {
		t.Fatalf("no PEM: %s", text)
	}
	return b.Bytes
}

// digest is what is signed: the fields sorted, as name=value, joined with &.
func digest(fields map[string]string) [20]byte {
	var parts []string
	for name, value := range fields {
		if name != "rsaSign" {
			parts = append(parts, name+"="+value)
		}
	}
	sort.Strings(parts)
	return sha1.Sum([]byte(strings.Join(parts, "&")))
}

// sign signs what a merchant signs.
func (m *merchant) sign(fields map[string]string) string {
	sum := digest(fields)
	signature, err := rsa.SignPKCS1v15(nil, m.private, crypto.SHA1, sum[:])
	if err != nil {
		m.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

// order is a valid orderInfo.
func (m *merchant) order(tpOrder string, total int) []string {
	fields := map[string]string{
		"appKey": m.key, "dealId": strconv.FormatInt(m.deal, 10), "tpOrderId": tpOrder, "totalAmount": strconv.Itoa(total),
	}
	return []string{
		"appKey", m.key, "dealId", fields["dealId"], "tpOrderId", tpOrder, "totalAmount", fields["totalAmount"],
		"dealTitle", "支付示例", "bizInfo", `{"tpData":{"returnData":{"k":"百度 & 商户"}}}`, "signFieldsRange", "1", "rsaSign", m.sign(fields),
	}
}

// answer says how the next calls of a path are answered; those that follow are
// answered well.
func (m *merchant) answer(path string, answers ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[path] = append(m.answers[path], answers...)
}

// take returns what has come since it was last asked, in words.
func (m *merchant) take() (out []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range m.got {
		out = append(out, x.String())
	}
	m.got = nil
	return out
}

// ServeHTTP takes a call of the platform's.
func (m *merchant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	x := calledBack{path: r.URL.Path, fields: map[string]string{}}
	x.wrong = m.read(r, string(body), x.fields)
	answer := answerConsumed
	switch r.URL.Path {
	case "/audit":
		answer = `{"errno":0,"msg":"success","data":{"auditStatus":1,"calculateRes":{"refundPayMoney":` + x.fields["applyRefundMoney"] + `}}}`
	case "/refund":
		answer = answerNoted
	}
	m.mu.Lock()
	if m.always != nil {
		money, _ := strconv.Atoi(x.fields["applyRefundMoney"]) // 0 where none is asked about
		answer = m.always(r.URL.Path, money)
	}
	if left := m.answers[r.URL.Path]; len(left) > 0 {
		answer, m.answers[r.URL.Path] = left[0], left[1:]
	}
	m.got = append(m.got, x)
	m.mu.Unlock()
	if answer == hang {
		<-r.Context().Done()
		return
	}
	if status, err := strconv.Atoi(answer); err == nil {
		w.WriteHeader(status)
		return
	}
	_, _ = io.WriteString(w, answer)
}

// read reads the form and checks the signature over everything else in it.
func (m *merchant) read(r *http.Request, body string, fields map[string]string) error {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return fmt.Errorf("%s with %s", r.Method, r.Header.Get("Content-Type"))
	}
	values, err := url.ParseQuery(body)
	if err != nil {
		return err
	}
	for name, v := range values {
		if len(v) != 1 {
			return fmt.Errorf("%s comes %d times", name, len(v))
		}
		fields[name] = v[0]
	}
	signature, err := base64.StdEncoding.DecodeString(fields["rsaSign"])
	if err != nil {
		return err
	}
	sum := digest(fields)
	if rsa.VerifyPKCS1v15(m.platform, crypto.SHA1, sum[:], signature) != nil {
		return errors.New("the signature is wrong")
	}
	return nil
}

// A market is an emulator with a merchant and its developer.
type market struct {
	testing.TB
	e     *emulator.Emulator
	s     *emulator.Sandbox
	c     emulator.Credentials
	m     *merchant
	token string
}

// newMarket returns a market whose merchant is told of things over the wire,
// or in the inbox.
func newMarket(t testing.TB, inbox bool, change func(*emulator.Options)) *market {
	t.Helper()
	k := &market{TB: t, e: newEmulator(t, change)}
	k.open(inbox)
	return k
}

func (k *market) open(inbox bool) {
	k.Helper()
	k.s = k.e.Sandbox(emulator.DefaultSandbox)
	k.c = credentials(k, k.s)
	k.m = newMerchant(k, &k.c)
	k.token = k.developerToken()
	if !inbox {
		k.listen("/audit", "/refund")
	}
}

func (k *market) developerToken() string {
	k.Helper()
	var out struct {
		AccessToken string `json:"access_token"`
	}
	get(k.e, "/oauth/2.0/token", "grant_type", "client_credentials", "client_id", k.c.App.AppKey, "client_secret", k.c.App.AppSecret).into(k, &out)
	return out.AccessToken
}

// listen says where the merchant is told of things: paths of its server, of
// payments /notify.
func (k *market) listen(audit, refund string) {
	k.Helper()
	at := func(path string) string {
		if path == "" {
			return ""
		}
		return k.m.server.URL + path
	}
	body, err := json.Marshal(fields{"notify_url": at("/notify"), "refund_audit_url": at(audit), "refund_notify_url": at(refund)})
	if err != nil {
		k.Fatal(err)
	}
	must[fields](k, k.e, "PATCH", fmt.Sprintf("%s/merchants/%d", box, k.m.deal), string(body))
}

// payment is how far the cashier is.
type payment struct {
	OrderID   int64  `json:"orderId"`
	TPOrderID string `json:"tpOrderId"`
	Result    string `json:"result"`
	Status    int    `json:"status"`
	PayMoney  int64  `json:"payMoney"`
	Channel   string `json:"channel"`
	Reason    string `json:"reason"`
}

const (
	pathCashier  = "/ma/pay/cashier"
	pathPayments = "/rest/2.0/smartapp/pay/paymentservice/"
)

// pay opens the cashier for an order; kv change or add parameters.
func (k *market) pay(tpOrder string, total int, kv ...string) payment {
	k.Helper()
	var out payment
	k.cashier(tpOrder, total, kv...).data(k, &out)
	return out
}

func (k *market) cashier(tpOrder string, total int, kv ...string) answer {
	return post(k.e, pathCashier, withChanges(k.m.order(tpOrder, total), kv)...)
}

// withChanges changes parameters, or adds them.
func withChanges(params, kv []string) []string {
	for i := 0; i < len(kv); i += 2 {
		found := false
		for j := 0; j < len(params); j += 2 {
			if params[j] == kv[i] {
				params[j+1], found = kv[i+1], true
			}
		}
		if !found {
			params = append(params, kv[i], kv[i+1])
		}
	}
	return params
}

// shownOrder is an order as the control API shows it.
type shownOrder struct {
	ID       int64  `json:"order_id"`
	TPOrder  string `json:"tp_order_id"`
	State    string `json:"state"`
	Result   string `json:"result"`
	User     int64  `json:"user_id"`
	Total    int64  `json:"total"`
	Refunded int64  `json:"refunded"`
	Channel  string `json:"channel"`
	Reason   string `json:"reason"`
	Refunds  []struct {
		ID      int64  `json:"refund_batch_id"`
		Batch   string `json:"biz_refund_batch_id"`
		State   string `json:"state"`
		Asked   int64  `json:"asked"`
		Money   int64  `json:"money"`
		Failure string `json:"failure"`
	} `json:"refunds"`
}

// order returns an order by the merchant's number.
func (k *market) order(tpOrder string) shownOrder {
	k.Helper()
	out := must[struct {
		Orders []shownOrder `json:"orders"`
	}](k, k.e, "GET", box+"/orders?tp_order_id="+url.QueryEscape(tpOrder), "")
	if len(out.Orders) != 1 {
		k.Fatalf("there are %d orders %s", len(out.Orders), tpOrder)
	}
	return out.Orders[0]
}

// refund asks for a refund; kv change or add parameters.
func (k *market) refund(tpOrder, batch string, kv ...string) answer {
	k.Helper()
	o := k.order(tpOrder)
	params := []string{
		"access_token", k.token, "bizRefundBatchId", batch, "orderId", fmt.Sprint(o.ID), "refundReason", "充值未到账",
		"refundType", "1", "tpOrderId", tpOrder, "userId", fmt.Sprint(o.User),
	}
	return post(k.e, pathPayments+"applyOrderRefund", withChanges(params, kv)...)
}
