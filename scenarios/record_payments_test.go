package scenarios_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/swanemu/emu/emulator"
)

const pathPayments = "/rest/2.0/smartapp/pay/paymentservice/"

// pay opens the cashier with an order that the sandbox's merchant has signed.
func (s *session) pay(number string, total int, kv ...string) string {
	s.t.Helper()
	m := s.cred.Merchant
	block, _ := pem.Decode([]byte(m.PrivateKey))
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		s.t.Fatal(err)
	}
	sum := sha1.Sum(fmt.Appendf(nil, "appKey=%s&dealId=%d&tpOrderId=%s", m.AppKey, m.DealID, number))
	sign, err := rsa.SignPKCS1v15(nil, key, crypto.SHA1, sum[:])
	if err != nil {
		s.t.Fatal(err)
	}
	return s.post("/ma/pay/cashier", append([]string{
		"appKey", m.AppKey, "dealId", fmt.Sprint(m.DealID), "tpOrderId", number, "totalAmount", fmt.Sprint(total), "dealTitle", "花束",
		"bizInfo", `{"tpData":{"returnData":{"price":"$5"}}}`, "rsaSign", base64.StdEncoding.EncodeToString(sign),
	}, kv...)...)
}

// TestRecordPayments records payments: what the scenario plays leads to the
// same journal.
func TestRecordPayments(t *testing.T) {
	s := begin(t, emulator.Options{Seed: 7, Clock: emulator.Clock{Mode: "virtual"}})
	merchant := fmt.Sprintf("/merchants/%d", s.cred.Merchant.DealID)
	s.order("PATCH", merchant, `{"notify_url":"http://127.0.0.1:1/notify"}`)
	s.order("POST", "/decisions", `{"kind":"payment","result":"paid","channel":"WeChat","after":"30s"}`)
	s.order("POST", "/decisions", `{"kind":"refund_audit","result":"fail","reason":"超过七天","tp_order_id":"N$1"}`)
	s.order("POST", "/decisions", `{"kind":"refund","result":"pass","after":"1h"}`)
	order := s.part(s.pay("N$1", 100), "orderId")
	s.order("POST", "/clock/advance", `{"by":"3m"}`)
	s.order("PATCH", merchant, `{"notify_url":""}`)
	s.order("POST", "/clock/advance", `{"by":"3m"}`)
	dev := s.part(s.get(pathToken, "grant_type", "client_credentials", "client_id", s.cred.App.AppKey, "client_secret", s.cred.App.AppSecret), "access_token")
	for _, batch := range []string{"R1", "R2"} {
		s.post(pathPayments+"applyOrderRefund", "access_token", dev, "bizRefundBatchId", batch, "orderId", order, "refundReason", "x",
			"refundType", "1", "tpOrderId", "N$1", "userId", "295421489", "applyRefundMoney", "40")
	}
	s.order("POST", "/clock/advance", `{"by":"2h"}`)
	s.get(pathPayments+"findOrderRefund", "access_token", dev, "tpOrderId", "N$1", "userId", "295421489")
	s.order("PATCH", "/config", `{"manual":true,"refund_delay":"5s","notify_interval":"1m","notify_retries":3,"payment_delay":"1s"}`)
	second := s.part(s.pay("N2", 7), "orderId")
	s.order("POST", "/decisions", `{"kind":"payment","result":"cancelled","reason":"太贵","order_id":`+second+`}`)
	s.pay("N2", 7)
	s.get("/ma/pay/query", "appKey", s.cred.Merchant.AppKey, "tpOrderId", "N2")
	s.order("POST", "/faults", `{"on":"notify","do":"wrong_signature","event":"ORDER_PAID"}`)

	rec := record(t.Context(), t, s.at, emulator.DefaultSandbox)
	for _, w := range rec.Warnings {
		t.Error(w)
	}
	for _, want := range []string{
		"channel: WeChat", "kind: refund_audit, result: fail", "set merchant:", "result: cancelled", "notify_retries: 3", "on: notify", `tpOrderId: "N$$1"`,
	} {
		if !strings.Contains(string(rec.Text), want) {
			t.Errorf("want %q in\n%s", want, rec.Text)
		}
	}
	if strings.Contains(string(rec.Text), "PRIVATE") {
		t.Errorf("a private key is in\n%s", rec.Text)
	}
	sameJournal(t, "the replay", s.journal(), play(t, rec.Scenario).Journal)
}

// TestRecordLateMerchants records what the format says in another way or not.
func TestRecordLateMerchants(t *testing.T) {
	s := begin(t, emulator.Options{Seed: 7, Clock: emulator.Clock{Mode: "virtual"}})
	s.get(pathList, "access_token", s.cred.Authorizer.AccessToken)
	s.order("POST", "/merchants", `{"app_key":"MMMabc","notify_url":"http://127.0.0.1:1/x?key=0123456789"}`)
	dev := s.part(s.get(pathToken, "grant_type", "client_credentials", "client_id", s.cred.App.AppKey, "client_secret", s.cred.App.AppSecret), "access_token")
	bills := s.get(pathPayments+"orderBill", "access_token", dev, "billTime", "2026-01-05")
	_, query, _ := strings.Cut(s.part(bills, "url"), "?")
	s.raw("GET", s.at.URL+pathPayments+"bill/download?"+query, "", "")
	rec := record(t.Context(), t, s.at, emulator.DefaultSandbox)
	for _, want := range []string{"notify_url has a query or a user in it", "createMerchant", "bill/download: its answer is a file"} {
		if !strings.Contains(strings.Join(rec.Warnings, "\n"), want) {
			t.Errorf("no warning has %q:\n%s", want, strings.Join(rec.Warnings, "\n"))
		}
	}
	if strings.Contains(string(rec.Text), "0123456789") || strings.Contains(string(rec.Text), "sign=") || !strings.Contains(string(rec.Text), "app_key: MMMabc") {
		t.Errorf("what is secret or what is not:\n%s", rec.Text)
	}
	play(t, rec.Scenario)
}
