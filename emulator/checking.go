package emulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/internal/seal"
)

// What a state that comes from outside must be like, so that nothing that
// happens later depends on who wrote it.

// check says where a state does not hold together. m is the lifecycle of
// packages; one without states checks none.
func (s *State) check(m *machine) error {
	for _, f := range []func(*machine) error{s.checkSettings, s.checkApps, s.checkOthers, s.checkHosts, s.checkUsers, s.checkHost, s.checkMessages, s.checkEvents, s.checkTimers, s.checkTraces} {
		if err := f(m); err != nil {
			return fmt.Errorf("state: %w", err)
		}
	}
	return nil
}

// checkNulls finds what a JSON null has left empty. It comes before everything
// else that reads a state.
func (s *State) checkNulls() error {
	if s.Apps == nil || s.TPs == nil || s.Hosts == nil || s.Tokens == nil || s.Codes == nil {
		return fmt.Errorf("apps, tps, hosts, tokens and codes must be objects")
	}
	if s.Users == nil || s.Devices == nil || s.LoginCodes == nil || s.Sessions == nil || s.SwanIDs == nil {
		return fmt.Errorf("users, devices, login_codes, sessions and swanids must be objects")
	}
	for id, app := range s.Apps {
		if app != nil && slices.Contains(app.Packages, nil) {
			return fmt.Errorf("/apps/%d/packages: a package is missing", id)
		}
	}
	if slices.Contains(s.Events, nil) {
		return fmt.Errorf("/events: an event is missing")
	}
	if slices.Contains(s.Merchants, nil) || slices.Contains(s.Orders, nil) {
		return fmt.Errorf("/merchants, /orders: one is missing")
	}
	for i, o := range s.Orders {
		if slices.Contains(o.Refunds, nil) {
			return fmt.Errorf("/orders/%d/refunds: a refund is missing", i)
		}
	}
	return nil
}

func (s *State) checkSettings(*machine) error {
	if err := clock.CheckRate(s.Rate); err != nil {
		return fmt.Errorf("/rate: %w", err)
	}
	if _, err := s.Origin.options(s.Seed).clock().setting(); err != nil {
		return fmt.Errorf("/origin/mode: %w", err)
	}
	c := s.Config
	switch {
	case s.At < 0 || time.Unix(0, s.At).Year() > lastYear:
		return fmt.Errorf("/at: want nanoseconds since 1970")
	case c.TokenTTL < time.Second:
		return fmt.Errorf("/config/token_ttl: want at least a second")
	case c.CodeTTL < time.Second || c.SessionTTL < time.Second:
		return fmt.Errorf("/config/code_ttl and session_ttl: want at least a second")
	case c.UserDataPadding != 16 && c.UserDataPadding != 32:
		return fmt.Errorf("/config/user_data_padding: want 16 or 32")
	case (&UserAnswer{Answer: c.UserAnswer}).check() != nil:
		return fmt.Errorf("/config/user_answer: want agree, refuse or cancel")
	case c.SignWindow < 0:
		return fmt.Errorf("/config/sign_window: want 0 or more")
	case c.PushAttempts < 1:
		return fmt.Errorf("/config/push_attempts: want at least 1")
	case c.AuditQuota < 0:
		return fmt.Errorf("/config/audit_quota: want 0 or more")
	case c.NotifyInterval < time.Second || c.NotifyRetries < 0:
		return fmt.Errorf("/config: want a notify_interval of at least a second and notify_retries of 0 or more")
	case min(s.Inputs, s.Journal, s.LastTimer, s.LastEvent, s.LastPackage, s.LastDecision, s.LastUser, s.LastQuestion, s.LastAnswer, s.LastOrder, s.LastRefund) < 0:
		return fmt.Errorf("the numbers of what was made: want 0 or more")
	}
	return nil
}

// clock is the setting of the clock, real where there is none.
func (o SandboxOptions) clock() Clock {
	if o.Clock == nil {
		return Clock{}
	}
	return *o.Clock
}

func (s *State) checkApps(m *machine) error {
	for _, id := range s.appIDs() {
		app := s.Apps[id]
		at := fmt.Sprintf("/apps/%d", id)
		slots := map[string]int64{}
		for i, p := range app.Packages {
			if p.ID <= 0 || p.ID > s.LastPackage || i > 0 && app.Packages[i-1].ID == p.ID {
				return fmt.Errorf("%s/packages: package_id %d: want each once, from 1 to last_package", at, p.ID)
			}
			if p.Committed < 0 || time.Unix(p.Committed, 0).Year() > lastYear {
				return fmt.Errorf("%s/packages: package %d: committed: want seconds since 1970", at, p.ID)
			}
			st := m.states[p.State]
			if st == nil || st.Final {
				return fmt.Errorf("%s/packages: package %d: no package stays in a state %q", at, p.ID, p.State)
			}
			if st.Slot != "" && slots[st.Slot] != 0 {
				return fmt.Errorf("%s/packages: packages %d and %d cannot be side by side", at, slots[st.Slot], p.ID)
			}
			slots[st.Slot] = p.ID
		}
		if err := app.checkPrevious(m); err != nil {
			return fmt.Errorf("%s/packages: %w", at, err)
		}
	}
	return nil
}

func (s *State) checkOthers(*machine) error {
	for id, tp := range s.TPs {
		if _, err := seal.PushCipher(tp.EncodingAESKey); err != nil {
			return fmt.Errorf("/tps/%d: encoding_aes_key must be 43 characters that are base64 with a = behind them", id)
		}
		if id <= 0 || tp.ClientID == "" {
			return fmt.Errorf("/tps/%d: want a tp_id above 0 and a client_id", id)
		}
		for app, a := range tp.Apps {
			if a == nil || s.Apps[app] == nil {
				return fmt.Errorf("/tps/%d/apps/%d: there is no such app", id, app)
			}
		}
	}
	if len(s.keys) != len(s.Apps)+len(s.TPs) {
		return fmt.Errorf("apps and tps: two of them have the same key")
	}
	for text, t := range s.Tokens {
		if t == nil || text == "" {
			return fmt.Errorf("/tokens: a token is empty")
		}
	}
	for _, code := range s.Codes {
		if code == nil {
			return fmt.Errorf("/codes: a code is empty")
		}
	}
	for i, d := range s.Decisions {
		if err := d.check(timerUpload, timerAudit, timerPayment, timerRefundAudit, timerRefund); err != nil {
			return fmt.Errorf("/decisions/%d: %w", i, err)
		}
	}
	return nil
}

// check says what is wrong with a decision of one of those kinds.
func (d *Decision) check(kinds ...string) error {
	switch {
	case d == nil:
		return fmt.Errorf("the decision is missing")
	case !slices.Contains(kinds, d.Kind):
		return fmt.Errorf("kind %q: want %v", d.Kind, kinds)
	case !slices.Contains(outcomes(d.Kind), d.Result):
		return fmt.Errorf("result %q: want one of %v", d.Result, outcomes(d.Kind))
	}
	return nil
}

// checkFaults holds the scripted faults against the contract.
func (s *State) checkFaults(p *program) error {
	for i, f := range s.Faults {
		at := fmt.Sprintf("state: /faults/%d", i)
		switch {
		case f == nil:
			return fmt.Errorf("%s: the fault is missing", at)
		case f.ID <= 0 || f.ID > s.LastFault || f.Nth < 1 || min(f.Matched, f.Hits) < 0:
			return fmt.Errorf("%s: want an id from 1 to last_fault, nth from 1, and counts of 0 or more", at)
		case min(f.Delay, f.DelayMax) < 0 || max(f.Delay, f.DelayMax) > longest:
			return fmt.Errorf("%s: want delays from 0 to a hundred years", at)
		}
		if pointer, err := f.check(p); err != nil {
			return fmt.Errorf("%s%s: %w", at, pointer, err)
		}
	}
	return nil
}

func (s *State) checkEvents(*machine) error {
	statuses := []string{eventWaiting, eventDue, eventDelivered, eventFailed}
	for i, e := range s.Events {
		switch {
		case e.ID <= 0 || e.ID > s.LastEvent || i > 0 && s.Events[i-1].ID == e.ID:
			return fmt.Errorf("/events: id %d: want each once, from 1 to last_event", e.ID)
		case e.Channel != ChannelPush && e.Channel != ChannelKafka && e.Channel != ChannelNotify:
			return fmt.Errorf("/events: event %d: channel %q: want push, kafka or notify", e.ID, e.Channel)
		case e.Channel == ChannelNotify && !s.notifies(e):
			return fmt.Errorf("/events: event %d: want the deal_id of a merchant, its order_id, and the refund_batch_id if it is about one", e.ID)
		case !slices.Contains(statuses, e.Status):
			return fmt.Errorf("/events: event %d: status %q: want one of %v", e.ID, e.Status, statuses)
		case e.Channel == ChannelPush && s.TPs[e.TP] == nil:
			return fmt.Errorf("/events: event %d: there is no third-party platform %d", e.ID, e.TP)
		case e.Copies < 0 || e.Copies > 1:
			return fmt.Errorf("/events: event %d: copies: want 0 or 1", e.ID)
		case !json.Valid(e.Payload) || e.Payload[0] != '{':
			return fmt.Errorf("/events: event %d: payload must be a JSON object", e.ID)
		}
	}
	for _, id := range s.KafkaQueue {
		if e := s.event(id); e == nil || e.Channel != ChannelKafka {
			return fmt.Errorf("/kafka_queue: there is no notice %d", id)
		}
	}
	return nil
}

// checkTimers sees to it that each timer does something, or did before it was
// overtaken, and that nothing waits for a timer that is not there.
func (s *State) checkTimers(*machine) error {
	ids := map[int64]Timer{}
	for i, t := range s.Timers {
		at := fmt.Sprintf("/timers/%d", i)
		if t.ID <= 0 || t.ID > s.LastTimer || ids[t.ID].ID != 0 {
			return fmt.Errorf("%s: id %d: want each once, from 1 to last_timer", at, t.ID)
		}
		ids[t.ID] = t
		switch t.Kind {
		case timerUpload, timerAudit, timerRollback:
			if err := t.Decision.check(t.Kind); err != nil {
				return fmt.Errorf("%s/decision: %w", at, err)
			}
			if s.stands(t) && s.Apps[t.App].pkg(t.Package).due() != t.Kind {
				return fmt.Errorf("%s: no such decision is due on package %d of app %d", at, t.Package, t.App)
			}
		case timerPayment, timerRefundAudit, timerRefund:
			if err := t.Decision.check(t.Kind); err != nil {
				return fmt.Errorf("%s/decision: %w", at, err)
			}
			if r := s.order(t.Order).refund(t.Refund); s.standsOn(t) && r != nil && r.due() != t.Kind {
				return fmt.Errorf("%s: no such decision is due on refund %d", at, t.Refund)
			}
		case timerPush, timerNotify, timerKafka, timerTicket:
		default:
			return fmt.Errorf("%s: kind %q is unknown", at, t.Kind)
		}
	}
	missing := func(id int64, kind string) bool { return id != 0 && ids[id].Kind != kind }
	for id, app := range s.Apps {
		for _, p := range app.Packages {
			t := ids[p.Timer]
			lost := p.Timer != 0 && (t.Kind == "" || t.Kind != p.due() || t.App != id || t.Package != p.ID)
			if lost || p.Timer == 0 && p.State == stateRollingBack {
				return fmt.Errorf("/apps/%d/packages: package %d waits for a timer that is not there", id, p.ID)
			}
		}
	}
	for id, tp := range s.TPs {
		if missing(tp.TicketTimer, timerTicket) {
			return fmt.Errorf("/tps/%d/ticket_timer: there is no such timer", id)
		}
	}
	for i, o := range s.Orders {
		lost := missing(o.Timer, timerPayment) || o.Timer != 0 && ids[o.Timer].Order != o.ID
		for _, r := range o.Refunds {
			t := ids[r.Timer]
			lost = lost || missing(r.Timer, r.due()) || r.Timer != 0 && (t.Order != o.ID || t.Refund != r.ID)
		}
		if lost {
			return fmt.Errorf("/orders/%d: it or a refund waits for a timer that is not there", i)
		}
	}
	if missing(s.KafkaWait, timerKafka) {
		return fmt.Errorf("/kafka_wait: there is no such timer")
	}
	return nil
}

// due is the kind of decision that ends the package's state; "" for none.
func (p *Package) due() string {
	switch p.State {
	case stateUploading:
		return timerUpload
	case stateInReview:
		return timerAudit
	case stateRollingBack:
		return timerRollback
	}
	return ""
}
