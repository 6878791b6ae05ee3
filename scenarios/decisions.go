package scenarios

import (
	"net/http"
	"strings"
)

// decisionOrder is a decision as the control API takes it.
type decisionOrder struct {
	Kind      string    `json:"kind"`
	AppID     int64     `json:"app_id,omitempty"`
	Version   string    `json:"version,omitempty"`
	PackageID int64     `json:"package_id,omitempty"`
	TPOrderID string    `json:"tp_order_id,omitempty"`
	OrderID   int64     `json:"order_id,omitempty"`
	Channel   string    `json:"channel,omitempty"`
	Result    string    `json:"result"`
	Reason    string    `json:"reason,omitempty"`
	Code      int       `json:"code,omitempty"`
	After     *Duration `json:"after,omitempty"`
}

// orderOf writes the decision out for one package.
func (d *Decision) orderOf(kind string) decisionOrder {
	o := decisionOrder{
		Kind: kind, AppID: d.AppID, Version: d.Version, Result: d.Result, Reason: d.Reason, Code: d.Code, After: d.After,
	}
	if o.Result == "" {
		o.Result = "pass"
	}
	return o
}

// decisions tells the platform what it decides. What is under way from the
// beginning takes the first decision that is for it; the rest is queued.
func (p *preparation) decisions() error {
	for _, list := range []struct {
		kind, state, delay string
		decisions          []Decision
	}{
		{"upload", "uploading", "upload_delay", p.s.Platform.Uploads},
		{"audit", "in_review", "audit_delay", p.s.Platform.Audits},
	} {
		var queue []decisionOrder
		for i := range list.decisions {
			for range max(list.decisions[i].Times, 1) {
				queue = append(queue, list.decisions[i].orderOf(list.kind))
			}
		}
		if len(queue) == 0 {
			continue
		}
		queue, err := p.underWay(queue, list.state, list.delay)
		if err != nil {
			return err
		}
		for _, o := range queue {
			if err := p.order(http.MethodPost, "/decisions", o, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// underWay decides on the packages that are given in a state, and returns the
// decisions that are left.
func (p *preparation) underWay(queue []decisionOrder, state, delay string) ([]decisionOrder, error) {
	for _, app := range p.s.Given.Apps {
		if !hasState(app, state) {
			continue
		}
		packages, err := packagesOf(p.ctx, p.box, app.AppID)
		if err != nil {
			return nil, err
		}
		for _, pkg := range packages {
			for i, o := range queue {
				if pkg.State != state || o.AppID != 0 && o.AppID != app.AppID || o.Version != "" && o.Version != pkg.Version {
					continue
				}
				if o.PackageID = pkg.ID; o.After == nil {
					if o.After, err = p.usualDelay(delay); err != nil {
						return nil, err
					}
				}
				if err := p.order(http.MethodPost, "/decisions", o, nil); err != nil {
					return nil, err
				}
				queue = append(queue[:i:i], queue[i+1:]...)
				break
			}
		}
	}
	return queue, nil
}

func hasState(app App, state string) bool {
	for _, pkg := range app.Packages {
		if pkg.State == state {
			return true
		}
	}
	return false
}

// usualDelay is how long a decision takes unless it says otherwise.
func (p *preparation) usualDelay(name string) (*Duration, error) {
	var config map[string]any
	if err := p.order(http.MethodGet, "/config", nil, &config); err != nil {
		return nil, err
	}
	text, _ := config[name].(string)
	d, err := parseDuration(strings.TrimPrefix(text, "-"))
	return &d, err
}
