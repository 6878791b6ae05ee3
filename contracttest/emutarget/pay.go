package emutarget

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // what the platform's documents ask for
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/swanemu/emu/contracttest"
)

// payGifts are the values of the payment service: orders that were just made,
// for as much as a call needs of them, signed with the merchant's key. The
// first parameter that a call names makes the order that the others are of.
func payGifts() map[string]gift {
	all := map[string]gift{
		"requestPolymerPayment.dealId":      dealID,
		"requestPolymerPayment.appKey":      newNumber,
		"requestPolymerPayment.totalAmount": text(payTotal),
		"requestPolymerPayment.tpOrderId":   number,
		"requestPolymerPayment.dealTitle":   text("contract"),
		"requestPolymerPayment.bizInfo":     text("{}"),
		"requestPolymerPayment.rsaSign":     numberSigned,
		"getPolymerPayment.appKey":          appKey,
		"getPolymerPayment.tpOrderId":       lastOrder(numberOf),
		"findByTpOrderId.tpOrderId":         lastOrder(numberOf),
		"findByTpOrderIdForApp.tpOrderId":   lastOrder(numberOf),
		"findOrderRefund.tpOrderId":         lastOrder(numberOf),
		"findOrderRefund.userId":            lastOrder(userOf),
		"cancelOrder.orderId":               newOrder(false, idOf),
		"applyOrderRefund.bizRefundBatchId": newOrder(true, func(o *order) string { return "R" + o.Number }),
		"applyOrderRefund.orderId":          lastOrder(idOf),
		"applyOrderRefund.tpOrderId":        lastOrder(numberOf),
		"applyOrderRefund.userId":           lastOrder(userOf),
		"applyOrderRefund.refundReason":     text("contract"),
		"applyOrderRefund.refundType":       text("1"),
		"getOrderBill.billTime":             today,
		"getCapitalBill.billTime":           today,
		"downloadBill.appKey":               bill("appKey"),
		"downloadBill.billTime":             bill("billTime"),
		"downloadBill.type":                 bill("type"),
		"downloadBill.sign":                 bill("sign"),
	}
	for _, call := range []string{"findByTpOrderId", "findOrderRefund", "cancelOrder", "applyOrderRefund", "getOrderBill", "getCapitalBill"} {
		all[call+".pmAppKey"] = appKey
	}
	return all
}

// payTotal is what every order is over, in fen.
const payTotal = "100"

func idOf(o *order) string     { return strconv.FormatInt(o.ID, 10) }
func numberOf(o *order) string { return o.Number }
func userOf(o *order) string   { return strconv.FormatInt(o.User, 10) }

// A merchant is an app's payment service.
type merchant struct {
	Deal    int64  `json:"deal_id"`
	Key     string `json:"app_key"`
	App     int64  `json:"app_id"`
	Private string `json:"private_key"`
	// Platform is the public key of the platform.
	Platform string `json:"platform_public_key"`

	last *order // that was made of it
}

// An order is what the control API tells of it.
type order struct {
	ID     int64  `json:"order_id"`
	Number string `json:"tp_order_id"`
	User   int64  `json:"user_id"`
}

// merchant is the payment service of the subject's app, the sandbox's own
// where it has none; one is made where there is none.
func (b *Box) merchant(ctx context.Context, s *contracttest.Subject) (*merchant, error) {
	app := s.AppID
	if app == 0 {
		app = b.first.Authorizer.AppID
	}
	if m := b.merchants[app]; m != nil {
		return m, nil
	}
	var out struct {
		Merchants []*merchant `json:"merchants"`
	}
	if err := b.order(ctx, http.MethodGet, "/merchants", nil, &out); err != nil {
		return nil, err
	}
	for _, m := range out.Merchants {
		if b.merchants[m.App] == nil {
			b.merchants[m.App] = m
		}
	}
	if m := b.merchants[app]; m != nil {
		return m, nil
	}
	m := &merchant{}
	if err := b.order(ctx, http.MethodPost, "/merchants", map[string]any{"app_id": app}, m); err != nil {
		return nil, err
	}
	b.merchants[app] = m
	return m, nil
}

// sign signs an order as merchants do; the amount is not in it.
func (m *merchant) sign(number string) (string, error) {
	block, _ := pem.Decode([]byte(m.Private))
	if block == nil {
		return "", errors.New("the merchant has no private key")
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return "", err
	}
	sum := sha1.Sum([]byte("appKey=" + m.Key + "&dealId=" + strconv.FormatInt(m.Deal, 10) + "&tpOrderId=" + number)) //nolint:gosec // see above
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA1, sum[:])
	return base64.StdEncoding.EncodeToString(signature), err
}

func dealID(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
	m, err := b.merchant(ctx, s)
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(m.Deal, 10), nil
}

func appKey(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
	m, err := b.merchant(ctx, s)
	if err != nil {
		return "", err
	}
	return m.Key, nil
}

// newNumber is the appKey; the order's number is another from then on.
func newNumber(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
	b.numbers++
	return appKey(ctx, b, s)
}

func (b *Box) number() string { return "E" + strconv.Itoa(b.numbers) }

func number(_ context.Context, b *Box, _ *contracttest.Subject) (string, error) {
	return b.number(), nil
}

func numberSigned(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
	m, err := b.merchant(ctx, s)
	if err != nil {
		return "", err
	}
	return m.sign(b.number())
}

// lastOrder tells of the last order that was made; one is made where there is none.
func lastOrder(tell func(*order) string) gift {
	return func(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
		m, err := b.merchant(ctx, s)
		if err == nil && m.last == nil {
			m.last, err = b.pay(ctx, m, true)
		}
		if err != nil {
			return "", err
		}
		return tell(m.last), nil
	}
}

// newOrder tells of an order that it makes.
func newOrder(paid bool, tell func(*order) string) gift {
	return func(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
		m, err := b.merchant(ctx, s)
		if err == nil {
			m.last, err = b.pay(ctx, m, paid)
		}
		if err != nil {
			return "", err
		}
		return tell(m.last), nil
	}
}

// pay makes an order, and lets its user pay it.
func (b *Box) pay(ctx context.Context, m *merchant, paid bool) (*order, error) {
	b.numbers++
	number := b.number()
	signature, err := m.sign(number)
	if err != nil {
		return nil, err
	}
	err = b.answered(ctx, http.MethodPost, "/ma/pay/cashier", url.Values{
		"appKey": {m.Key}, "dealId": {strconv.FormatInt(m.Deal, 10)}, "tpOrderId": {number}, "totalAmount": {payTotal},
		"dealTitle": {"contract"}, "bizInfo": {"{}"}, "rsaSign": {signature},
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("make an order: %w", err)
	}
	var out struct {
		Orders []*order `json:"orders"`
	}
	if err := b.order(ctx, http.MethodGet, "/orders?tp_order_id="+number, nil, &out); err != nil {
		return nil, err
	}
	if len(out.Orders) != 1 {
		return nil, fmt.Errorf("there are %d orders %s", len(out.Orders), number)
	}
	if paid {
		err = b.order(ctx, http.MethodPost, "/decisions", map[string]any{
			"kind": "payment", "result": "paid", "order_id": out.Orders[0].ID,
		}, nil)
	}
	return out.Orders[0], err
}

// shanghai is where bills have their days.
func shanghai() *time.Location { return time.FixedZone("Asia/Shanghai", 8*60*60) }

func today(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
	if _, err := b.merchant(ctx, s); err != nil {
		return "", err
	}
	now, err := b.Now(ctx)
	return now.In(shanghai()).Format(time.DateOnly), err
}

// bill tells a parameter of the address of a bill, which is asked for once.
func bill(name string) gift {
	return func(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
		if b.bill == nil {
			day, err := today(ctx, b, s)
			if err != nil {
				return "", err
			}
			if b.bill, err = b.billOf(ctx, day); err != nil {
				return "", err
			}
		}
		return b.bill.Get(name), nil
	}
}

func (b *Box) billOf(ctx context.Context, day string) (url.Values, error) {
	var token struct {
		AccessToken string `json:"access_token"`
	}
	err := b.answered(ctx, http.MethodGet, "/oauth/2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {b.first.Developer.ID}, "client_secret": {b.first.Developer.Secret},
	}, &token)
	if err != nil {
		return nil, fmt.Errorf("a developer's token: %w", err)
	}
	var out struct {
		Data struct {
			Data []struct {
				URL string `json:"url"`
			} `json:"data"`
		} `json:"data"`
	}
	err = b.answered(ctx, http.MethodGet, "/rest/2.0/smartapp/pay/paymentservice/orderBill", url.Values{
		"access_token": {token.AccessToken}, "billTime": {day},
	}, &out)
	if err != nil {
		return nil, fmt.Errorf("where a bill is: %w", err)
	}
	if len(out.Data.Data) != 1 {
		return nil, fmt.Errorf("there are %d bills of %s", len(out.Data.Data), day)
	}
	at, err := url.Parse(out.Data.Data[0].URL)
	if err != nil {
		return nil, err
	}
	return at.Query(), nil
}

// answered calls the platform and decodes the answer, which must be a success.
func (b *Box) answered(ctx context.Context, method, path string, params url.Values, out any) error {
	var body io.Reader = http.NoBody
	address := strings.TrimRight(b.options.URL, "/") + path
	if method == http.MethodPost {
		body = strings.NewReader(params.Encode())
	} else {
		address += "?" + params.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.client.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("%w: %s %s: %w", contracttest.ErrUnreachable, method, path, err)
	}
	data, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	var said struct {
		Errno int    `json:"errno"`
		Msg   string `json:"msg"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(data, &said); err != nil {
		return fmt.Errorf("%s %s: the answer is no emulator's: %w", method, path, err)
	}
	if said.Errno != 0 || said.Error != "" {
		return fmt.Errorf("%s %s: refused: %d %s%s", method, path, said.Errno, said.Msg, said.Error)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}
