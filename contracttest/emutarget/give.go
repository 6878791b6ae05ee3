package emutarget

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/seal"
)

// A gift makes a live value of a parameter, by an order or a call of its own;
// "" where it only sees to it that the call is accepted.
type gift func(ctx context.Context, b *Box, s *contracttest.Subject) (string, error)

// gifts are the values that only the emulator can tell, by operation and
// parameter.
func gifts() map[string]gift {
	all := map[string]gift{
		"getSessionKey.code":             firstCode,
		"getSessionKeyByCode.code":       subjectCode,
		"getSessionKeyByCode.grant_type": text("authorization_code"),
		"getUnionID.openid":              known(0, "openid"),
		"getAuthorizedUnionID.open_id":   known(ofSubject, "openid"),
		"verifySwanID.swanid":            known(0, "swanid"),
		"signSwanID.client_id":           developerID,
		"signSwanID.swanid":              hostSwanID,
		"signSwanID.union_id":            hostName,
		"signSwanID.timestamp":           text(signedAt),
		"signSwanID.sign_version":        text(signVersion),
		"signSwanID.sign":                swanIDSign,
		"exchangeHostCode.client_id":     developerID,
		"exchangeHostCode.code":          hostCode,
		"exchangeHostCode.request_id":    text(signedRequest),
		"exchangeHostCode.timestamp":     text(signedAt),
		"exchangeHostCode.sign_version":  text(signVersion),
		"exchangeHostCode.sign":          hostCodeSign,
		"listHostAddresses.data":         readable("mapp_choose_address"),
		"listHostInvoices.data":          readable("mapp_choose_invoice"),
	}
	for _, call := range []string{"exchangeLoginCode", "exchangeJSCode"} {
		all[call+".client_id"], all[call+".sk"], all[call+".code"] = developerID, developerSecret, firstCode
	}
	maps.Copy(all, payGifts())
	maps.Copy(all, messageGifts())
	return all
}

// text is a value that is the same for everybody.
func text(value string) gift {
	return func(context.Context, *Box, *contracttest.Subject) (string, error) { return value, nil }
}

func developerID(_ context.Context, b *Box, _ *contracttest.Subject) (string, error) {
	return b.first.Developer.ID, nil
}

func developerSecret(_ context.Context, b *Box, _ *contracttest.Subject) (string, error) {
	return b.first.Developer.Secret, nil
}

// logIn logs the sandbox's user in and returns the code.
func (b *Box) logIn(ctx context.Context, order map[string]any) (string, error) {
	var out struct {
		Code string `json:"code"`
	}
	err := b.order(ctx, http.MethodPost, "/logins", order, &out)
	return out.Code, err
}

func firstCode(ctx context.Context, b *Box, _ *contracttest.Subject) (string, error) {
	return b.logIn(ctx, map[string]any{"app_id": b.first.Authorizer.AppID})
}

func subjectCode(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
	return b.logIn(ctx, map[string]any{"app_id": s.AppID})
}

// ofSubject stands for the app that a case is about.
const ofSubject = -1

// known is what an app knows the sandbox's user as; 0 is the first app.
func known(app int64, as string) gift {
	return func(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
		id := b.first.Authorizer.AppID
		if app == ofSubject {
			id = s.AppID
		}
		key := as + strconv.FormatInt(id, 10)
		if value, ok := b.users[key]; ok {
			return value, nil
		}
		var out struct {
			Users []struct {
				Apps []map[string]any `json:"apps"`
			} `json:"users"`
		}
		if err := b.order(ctx, http.MethodGet, "/users", nil, &out); err != nil {
			return "", err
		}
		for _, u := range out.Users {
			for _, known := range u.Apps {
				if value, ok := known[as].(string); ok && known["app_id"] == float64(id) {
					b.users[key] = value
					return value, nil
				}
			}
		}
		return "", fmt.Errorf("app %d knows no user", id)
	}
}

// What the requests of a host are signed over besides.
const (
	signVersion   = "0.0.1"
	signedAt      = "1767574800"
	signedRequest = "2564900132"
)

// host is the sandbox's member of the alliance.
type host struct {
	OfficalNo int64  `json:"offical_no"`
	Name      string `json:"name"`
	HSK       string `json:"hsk"`
}

func (b *Box) host(ctx context.Context) (host, error) {
	var out struct {
		Hosts []host `json:"hosts"`
	}
	if err := b.order(ctx, http.MethodGet, "/hosts", nil, &out); err != nil {
		return host{}, err
	}
	if len(out.Hosts) == 0 {
		return host{}, errors.New("the sandbox has no member of the alliance")
	}
	return out.Hosts[0], nil
}

func hostName(ctx context.Context, b *Box, _ *contracttest.Subject) (string, error) {
	h, err := b.host(ctx)
	return h.Name, err
}

// hostSwanID is a swanid as the member would make it.
func hostSwanID(ctx context.Context, b *Box, _ *contracttest.Subject) (string, error) {
	h, err := b.host(ctx)
	return "H" + strings.ToUpper(h.Name) + "0001", err
}

func swanIDSign(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
	h, err := b.host(ctx)
	if err != nil {
		return "", err
	}
	id, err := hostSwanID(ctx, b, s)
	return seal.HostSignature(map[string]string{
		"swanid": id, "client_id": b.first.Developer.ID, "timestamp": signedAt, "union_id": h.Name, "sign_version": signVersion,
	}, h.HSK), err
}

// hostCode is a code of a login in the member's app; the signature that is
// asked for after it is over the same one.
func hostCode(ctx context.Context, b *Box, _ *contracttest.Subject) (string, error) {
	h, err := b.host(ctx)
	if err == nil {
		b.code, err = b.logIn(ctx, map[string]any{"app_id": b.first.Authorizer.AppID, "offical_no": h.OfficalNo})
	}
	return b.code, err
}

func hostCodeSign(ctx context.Context, b *Box, _ *contracttest.Subject) (string, error) {
	h, err := b.host(ctx)
	return seal.HostSignature(map[string]string{
		"request_id": signedRequest, "client_id": b.first.Developer.ID, "code": b.code, "timestamp": signedAt, "sign_version": signVersion,
	}, h.HSK), err
}

// give returns a live value of a parameter.
func (b *Box) give(ctx context.Context, s *contracttest.Subject, operation, parameter string) (string, bool, error) {
	f, ok := b.gifts[operation+"."+parameter]
	if !ok {
		return "", false, nil
	}
	text, err := f(ctx, b, s)
	return text, err == nil && text != "", err
}
