package emutarget

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/swanemu/emu/contracttest"
)

// app is an app as the control API shows it.
type app struct {
	AppID      int64                    `json:"app_id"`
	Authorizer *contracttest.Authorizer `json:"authorizer"`
}

// EnterState makes an app with packages in the states asked for.
func (b *Box) EnterState(ctx context.Context, s contracttest.Situation) (*contracttest.Subject, error) {
	order := map[string]any{"tp_id": b.tp, "audit_quota": 1000}
	spend := false
	switch s.Unmet {
	case "":
	case "basic_info_approved":
		order["basic_info_approved"] = false
	case "owner_verified":
		order["verified"] = false
	case "app_in_service":
		order["status"] = 4
	case "audit_quota_left":
		if len(s.States) == 0 {
			return nil, fmt.Errorf("%w: use up the quota of an app without a package", contracttest.ErrCannot)
		}
		order["audit_quota"], spend = 1, true
	default:
		return nil, fmt.Errorf("%w: gate %s", contracttest.ErrCannot, s.Unmet)
	}
	packages := make([]map[string]any, 0, len(s.States))
	subject := &contracttest.Subject{}
	for _, state := range s.States {
		b.version++
		version := "1.0." + strconv.Itoa(b.version)
		packages = append(packages, map[string]any{"version": version, "state": state})
		subject.Packages = append(subject.Packages, contracttest.Package{Version: version, State: state})
	}
	order["packages"] = packages
	var made app
	if err := b.order(ctx, http.MethodPost, "/apps", order, &made); err != nil {
		return nil, err
	}
	if made.Authorizer == nil {
		return nil, fmt.Errorf("app %d came without tokens", made.AppID)
	}
	subject.Authorizer = *made.Authorizer
	subject.AppID = made.AppID
	if err := b.identify(ctx, subject); err != nil {
		return nil, err
	}
	if spend {
		return subject, b.spend(ctx, subject)
	}
	return subject, nil
}

// identify finds out which ids the packages have.
func (b *Box) identify(ctx context.Context, s *contracttest.Subject) error {
	if len(s.Packages) == 0 {
		return nil
	}
	var out struct {
		Packages []struct {
			ID      int64  `json:"package_id"`
			Version string `json:"version"`
		} `json:"packages"`
	}
	if err := b.order(ctx, http.MethodGet, fmt.Sprintf("/apps/%d/packages", s.AppID), nil, &out); err != nil {
		return err
	}
	for _, p := range out.Packages {
		for i := range s.Packages {
			if s.Packages[i].Version == p.Version {
				s.Packages[i].ID = p.ID
			}
		}
	}
	return nil
}

// spend uses up the app's one audit and brings the package back where it was.
func (b *Box) spend(ctx context.Context, s *contracttest.Subject) error {
	one := s.Packages[len(s.Packages)-1]
	if err := b.call(ctx, "submitaudit", s, one.ID); err != nil {
		return err
	}
	if one.State == "rejected" {
		if err := b.Decide(ctx, s, contracttest.Verdict{Package: one.ID, Decision: "audit", Outcome: "fail"}); err != nil {
			return err
		}
		return b.Advance(ctx, 1)
	}
	return b.call(ctx, "withdraw", s, one.ID)
}

// call makes a call of the platform on a package.
func (b *Box) call(ctx context.Context, name string, s *contracttest.Subject, id int64) error {
	form := url.Values{"access_token": {s.AccessToken}, "package_id": {strconv.FormatInt(id, 10)}, "content": {"-"}}
	target := strings.TrimRight(b.options.URL, "/") + "/rest/2.0/smartapp/package/" + name
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := b.client.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer res.Body.Close() //nolint:errcheck // the answer is read; nothing is lost with the connection
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var answer struct {
		Errno int `json:"errno"`
	}
	if err := json.Unmarshal(data, &answer); err != nil || answer.Errno != 0 {
		return fmt.Errorf("%w: %s was refused while the app was prepared", contracttest.ErrCannot, name)
	}
	return nil
}

// Decide makes the platform decide.
func (b *Box) Decide(ctx context.Context, s *contracttest.Subject, v contracttest.Verdict) error {
	order := map[string]any{"kind": v.Decision, "result": v.Outcome, "app_id": s.AppID}
	if v.Package != 0 {
		order["package_id"] = v.Package
	}
	if v.Reason != "" {
		order["reason"] = v.Reason
	}
	return b.order(ctx, http.MethodPost, "/decisions", order, nil)
}
