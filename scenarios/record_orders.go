package scenarios

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Orders of the control API as steps.

// control makes a step of an order.
func (r *recorder) control(t *taken) error {
	c := t.Entry.Control
	if c.Operation == "issueCredentials" && t.Entry.Seq == r.createdBy() {
		return nil
	}
	order := t.order()
	if c.Outcome != "ok" {
		return r.ordered(t, order)
	}
	var s Step
	var err error
	switch c.Operation {
	case "decide":
		s.Decide = &Decide{}
		if id, ok := order["package_id"]; ok {
			order["package_id"] = r.packageRef(fmt.Sprint(id))
		}
		if id, ok := order["order_id"]; ok {
			order["order_id"] = fmt.Sprint(id)
		}
		err = into(order, s.Decide)
	case "updateConfig":
		s.SetConfig = &Config{}
		err = into(order, s.SetConfig)
	case "updateApp":
		s.SetApp = &SetApp{}
		err = into(order, s.SetApp)
	case "updateTP":
		s.SetTP = &SetTP{}
		r.receivers(t, order)
		err = into(order, s.SetTP)
	case "updateMerchant":
		s.SetMerchant = &SetMerchant{}
		r.receivers(t, order)
		err = into(order, s.SetMerchant)
	case "authorizeTP":
		return r.authorized(t, order)
	case "logInUser":
		return r.loggedIn(t, order)
	case "queueAnswer":
		s.WillAnswer = &Answer{}
		err = into(order, s.WillAnswer)
	case "askUser":
		s.Asks = &Asking{}
		delete(order, "cuid") // it is journaled with the user alone
		err = into(order, s.Asks)
	case "setGrant":
		s.SetGrant = &SetGrant{}
		err = into(order, s.SetGrant)
	case "updateScope":
		s.SetScope = &SetScope{}
		err = into(order, s.SetScope)
	case "revokeAuthorization":
		s.Revoke = &Revoke{}
		err = into(order, s.Revoke)
	case "createFault":
		s.Fault = &Fault{}
		err = into(order, s.Fault)
	case "createApp", "createTP", "createMerchant", "givePackages":
		r.late(t, order)
		return nil
	case "issueCredentials":
		r.leave(t, "the order issueCredentials; in a replay the tokens of the beginning stand for those that it issued")
		return nil
	default:
		return r.ordered(t, order)
	}
	if err != nil {
		r.leave(t, "the order "+c.Operation+", which says what scenarios have no word for: "+err.Error())
	} else {
		r.texts(&s)
		r.add(s, t)
	}
	return nil
}

// ordered makes a step of an order that no verb is for, or that was refused.
func (r *recorder) ordered(t *taken, order map[string]any) error {
	c := t.Entry.Control
	known, err := controlContract()
	if err != nil {
		return err
	}
	if !slices.Contains(ordersAllowed(known), c.Operation) {
		r.leave(t, "the order "+c.Operation+", which scenarios have no word for")
		return nil
	}
	s := Step{Order: c.Operation, With: map[string]any{}}
	for _, name := range slices.Sorted(maps.Keys(order)) {
		if !slices.Contains(known.operations[c.Operation].params, name) {
			r.leave(t, "the order "+c.Operation+", which has no parameter "+name)
			return nil
		}
		if text, ok := order[name].(string); ok && c.Params[name] == redacted && text != "" && !r.known(text) {
			r.warn(t, "%s was chosen: it is left out", name)
			continue
		}
		s.With[name] = r.param(t, name, order[name], true)
	}
	if c.Outcome != "ok" {
		// The journal does not tell the status.
		s.Expect = map[string]any{"http": map[string]any{"$gte": json.Number("400")}}
	}
	step := r.add(s, t)
	if len(t.Answer) == 0 {
		return nil
	}
	raw, err := decodeJSON(t.Answer)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Operation, err)
	}
	r.keep(step, raw, nil, "")
	return nil
}

// createdBy is the entry of the order that is part of making a sandbox; 0 for
// none.
func (r *recorder) createdBy() int64 {
	for i := range r.entries {
		e := &r.entries[i].Entry
		if e.Exchange != nil || e.Clock != nil {
			return 0
		}
		if e.Control != nil && e.Control.Operation == "issueCredentials" {
			return e.Seq
		}
	}
	return 0
}

// into reads an order into a part of the format; a member that the format has
// not is an error.
func into(order map[string]any, v any) error {
	data, err := json.Marshal(order)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// packageRef is a package's id in the file.
func (r *recorder) packageRef(id string) string {
	if s := r.ids[idKey("package_id", id)]; s != nil {
		return referTo(r.use(s), true)
	}
	return id
}

// texts escapes what would be variables, where the engine reads them.
func (r *recorder) texts(s *Step) {
	if s.Decide != nil {
		s.Decide.Reason = strings.ReplaceAll(s.Decide.Reason, "$", "$$")
		s.Decide.TPOrderID = strings.ReplaceAll(s.Decide.TPOrderID, "$", "$$")
	}
}

// receiverNames are the members of orders that say where something goes.
func receiverNames() []string {
	return []string{"push_url", "authorization_url", "notify_url", "refund_audit_url", "refund_notify_url"}
}

// receivers makes of the URLs of a TP or a merchant what the format says of
// them. What may be secret in a URL is left out.
func (r *recorder) receivers(t *taken, order map[string]any) {
	for _, name := range receiverNames() {
		text, ok := order[name].(string)
		if !ok {
			continue
		}
		public, cut := publicURL(text)
		if cut {
			r.warn(t, "%s has a query or a user in it: they are left out", name)
		}
		if order[name] = public; public == "" && name == "push_url" {
			delete(order, name)
			order["inbox"] = true
		}
	}
}

// authorized makes a step of an app's consent.
func (r *recorder) authorized(t *taken, order map[string]any) error {
	s := Step{Authorize: &Authorize{}}
	if code, ok := order["pre_auth_code"].(string); ok {
		ref, whole := r.refer(code)
		if !whole || !r.known(code) {
			r.leave(t, "the order authorizeTP with a pre_auth_code that no answer brought")
			return nil
		}
		order["pre_auth_code"] = ref
	}
	if err := into(order, s.Authorize); err != nil {
		return err
	}
	step := r.add(s, t)
	raw, err := decodeJSON(t.Answer)
	if err != nil {
		return fmt.Errorf("authorizeTP: %w", err)
	}
	r.keep(step, raw, nil, "")
	return nil
}

// loggedIn makes a step of a user's login.
func (r *recorder) loggedIn(t *taken, order map[string]any) error {
	raw, err := decodeJSON(t.Answer)
	if err != nil {
		return fmt.Errorf("logInUser: %w", err)
	}
	s := Step{Login: &Login{}}
	if err := into(order, s.Login); err != nil {
		return err
	}
	s.Login.Huid = numberIn(t.Answer, "huid", s.Login.Huid)
	r.keep(r.add(s, t), raw, nil, "")
	return nil
}

// late gives what was made in the middle of the session from the beginning:
// the format makes nothing later.
func (r *recorder) late(t *taken, order map[string]any) {
	operation := t.Entry.Control.Operation
	for _, name := range []string{"app_key", "app_secret", "client_id", "encoding_aes_key", "token"} {
		if _, ok := order[name]; ok && operation != "createMerchant" {
			r.warn(t, "%s was chosen: in a replay it is generated", name)
			delete(order, name)
		}
	}
	var err error
	switch operation {
	case "createTP":
		r.receivers(t, order)
		tp := TP{}
		if err = into(order, &tp); err == nil {
			tp.TPID = numberIn(t.Answer, "tp_id", tp.TPID)
			r.giveTP(tp)
		}
	case "createApp":
		app := App{}
		tp, acts := order["tp_id"].(json.Number)
		delete(order, "tp_id")
		if err = into(order, &app); err == nil {
			app.AppID = numberIn(t.Answer, "app_id", app.AppID)
			r.story.Given.Apps = append(r.story.Given.Apps, app)
		}
		if err == nil && acts {
			r.letAct(tp, app.AppID)
		}
	case "createMerchant":
		r.receivers(t, order)
		m := Merchant{}
		if err = into(order, &m); err == nil {
			m.DealID = numberIn(t.Answer, "deal_id", m.DealID)
			r.story.Given.Merchants = append(r.story.Given.Merchants, m)
		}
	default:
		err = givePackages(&r.story.Given, order)
	}
	if err != nil {
		r.leave(t, "the order "+operation+", which says what scenarios have no word for: "+err.Error())
		return
	}
	r.warn(t, "%s: scenarios make nothing in the middle, so it is there from the beginning", operation)
	r.add(Step{Note: fmt.Sprintf("Entry %d, %s, is given from the beginning.", t.Entry.Seq, operation)}, nil)
}

// numberIn is a number in an answer, or otherwise.
func numberIn(answer []byte, name string, otherwise int64) int64 {
	var members map[string]json.RawMessage
	var n int64
	if json.Unmarshal(answer, &members) != nil || json.Unmarshal(members[name], &n) != nil {
		return otherwise
	}
	return n
}
