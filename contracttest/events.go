package contracttest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/swanemu/emu/internal/seal"
	"github.com/swanemu/emu/internal/spec"
)

// uploadTime is more than an upload takes; it also lets what is under way
// arrive.
const uploadTime = 10 * time.Second

// emitted are the events of a channel that a recipe's steps emit.
func (s *suite) emitted(r *recipe, channel string) []taken {
	var out []taken
	for _, t := range r.took {
		for _, name := range t.t.Emits {
			if def, ok := s.contract.Event(name); ok && def.Channel == channel {
				out = append(out, taken{t.pkg, &spec.Transition{Name: name, Evidence: t.t.Evidence}})
			}
		}
	}
	return out
}

// pushCases take each step and look at what is pushed.
func pushCases(s *suite) []work {
	var out []work
	for _, r := range s.recipes() {
		out = append(out, work{
			check: "push.count", operation: r.operation, name: r.name,
			run: func(ctx context.Context, p *probe) error {
				before, err := p.pushes(ctx)
				if err != nil {
					return err
				}
				s, err := p.take(ctx, &r)
				if err != nil {
					return err
				}
				// An hour: long enough for whatever would come a second time.
				if err := p.advance(ctx, time.Hour); err != nil {
					return err
				}
				after, err := p.pushes(ctx)
				if err != nil {
					return err
				}
				p.countPushes(after[min(len(before), len(after)):], p.emitted(&r, "push"), s, &r)
				return nil
			},
		})
	}
	return out
}

func (p *probe) pushes(ctx context.Context) ([]Push, error) {
	out, err := p.target.Pushes.Received(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the pushes: %w", err)
	}
	return out, nil
}

// countPushes holds the pushes that came against those that were due.
func (p *probe) countPushes(got []Push, want []taken, s *Subject, r *recipe) {
	p.saw("push.count")
	var names, due []string
	for _, one := range got {
		m, ok := p.open(one)
		if !ok {
			return // what is wrong with it is a finding of its own
		}
		if p.earlier(m.AppID, s) {
			continue
		}
		p.content(m, s, r)
		names = append(names, m.Event)
	}
	for _, w := range want {
		due = append(due, w.t.Name)
	}
	slices.Sort(names)
	slices.Sort(due)
	if !slices.Equal(names, due) {
		f := Finding{
			Check: "push.count", Expected: orNothing(due), Actual: orNothing(names), Evidence: r.t.Evidence,
			SpecPointer: lifecyclePointer + "/" + r.t.Name + "/emits", Message: "after the step " + r.t.Name + " not exactly its pushes came",
		}
		p.fail(f)
	}
}

// earlier reports whether an app is that of an earlier case.
func (s *suite) earlier(app int64, now *Subject) bool { return app != now.AppID && s.apps[app] }

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

// A message is what a push says.
type message struct {
	Event     string `json:"event"`
	AppID     int64  `json:"appId"`
	TPAppID   int64  `json:"tpAppId"`
	EventTime string `json:"eventTime"`
	Reason    string `json:"reason"`
	stamp     string
}

// envelope reads the envelope of a push: four texts, each once. Where it is
// something else it says what was expected, and what there is.
func envelope(body []byte) (sealed seal.Push, expected, actual string) {
	members := []string{"Encrypt", "MsgSignature", "Nonce", "TimeStamp"}
	twice, err := scanJSON(body)
	if err != nil {
		return sealed, "a JSON object", err.Error()
	}
	if len(twice) > 0 {
		return sealed, "each member once", strings.TrimPrefix(twice[0], "/") + " twice"
	}
	var form map[string]any
	if json.Unmarshal(body, &form) != nil || form == nil {
		return sealed, "a JSON object", "another value"
	}
	if have := slices.Sorted(maps.Keys(form)); !slices.Equal(have, members) {
		return sealed, strings.Join(members, ", "), strings.Join(have, ", ")
	}
	for _, name := range members {
		if _, ok := form[name].(string); !ok {
			return sealed, name + " as a text", "another value"
		}
	}
	if err := json.Unmarshal(body, &sealed); err != nil {
		return sealed, "the sealed envelope", "something else"
	}
	return sealed, "", ""
}

// open checks the envelope of a push and returns what is in it.
func (p *probe) open(one Push) (message, bool) {
	c := &p.target.Credentials.TP
	bad := func(check, text, expected, actual string) (message, bool) {
		p.fail(Finding{
			Check: check, Message: text, Expected: expected, Actual: actual, SpecPointer: "#/components/schemas/EncryptedPush",
			Evidence: spec.Evidence{Grade: "documented", Source: "D"},
		})
		return message{}, false
	}
	p.saw("push.form")
	sealed, expected, actual := envelope(one.Body)
	if actual != "" {
		return bad("push.form", "a push is not the sealed envelope", expected, actual)
	}
	p.saw("push.signature")
	good := seal.Signature(c.SignToken, sealed.TimeStamp, sealed.Nonce, sealed.Encrypt) == sealed.MsgSignature
	if !good {
		bad("push.signature", "MsgSignature is wrong", "the SHA-1 of the sorted token, TimeStamp, Nonce and Encrypt", "another text")
	}
	cipher, err := seal.PushCipher(c.EncodingAESKey)
	if err != nil {
		return bad("push.encryption", "the harness's EncodingAESKey is none", "43 characters", err.Error())
	}
	p.saw("push.encryption")
	text, id, err := cipher.Open(sealed.Encrypt)
	if err != nil {
		return bad("push.encryption", "Encrypt cannot be opened with the TP's key", "a sealed message", err.Error())
	}
	if want := strconv.FormatInt(c.ID, 10); id != want {
		bad("push.encryption", "the sealed message does not end with the TP's id", want, id)
		good = false
	}
	m := message{stamp: sealed.TimeStamp}
	if err := json.Unmarshal(text, &m); err != nil {
		return bad("push.schema", "the message does not match its schema", "a JSON object with event", "something else")
	}
	p.saw("push.schema")
	if twice, err := scanJSON(text); err != nil || len(twice) > 0 {
		return bad("push.schema", "the message does not match its schema", "one JSON object with each member once", "something else")
	}
	if err := p.contract.CheckEvent(m.Event, text); err != nil {
		for _, issue := range append(issuesOf(err), spec.Issue{Want: "an event of x-events"})[:max(1, len(issuesOf(err)))] {
			p.fail(Finding{
				Check: "push.schema", Message: "the message does not match its schema: " + issue.String(), ValuePointer: issue.Pointer,
				Expected: issue.Want, Actual: "a value that is not", SpecPointer: "#/x-events/" + m.Event,
			})
		}
		return m, false
	}
	return m, good
}

// content holds a message against what happened.
func (p *probe) content(m message, s *Subject, r *recipe) {
	p.saw("push.content")
	check := func(pointer, want, got string) {
		if want != got {
			p.fail(Finding{
				Check: "push.content", Message: "the message does not say what happened", ValuePointer: pointer, Expected: want, Actual: got,
				SpecPointer: "#/x-events/" + m.Event, Evidence: r.t.Evidence,
			})
		}
	}
	check("/appId", strconv.FormatInt(s.AppID, 10), strconv.FormatInt(m.AppID, 10))
	check("/tpAppId", strconv.FormatInt(p.target.Credentials.TP.ID, 10), strconv.FormatInt(m.TPAppID, 10))
	if want := reasonOf(r.t); want != "" {
		check("/reason", want, m.Reason)
	}
}

// near is how far a push's time may be from the server's, with the hour that
// is waited for more.
const near = 5 * time.Minute

// timely holds the times of a push against the server's.
func (p *probe) timely(ctx context.Context, m message) error {
	now, err := p.target.Clock.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	p.saw("push.time")
	check := func(pointer string, at time.Time, err error) {
		if d := now.Sub(at); err != nil || d > near || d < -near {
			p.fail(Finding{
				Check: "push.time", Message: "a push's time is not the server's", ValuePointer: pointer, Expected: "the server's present time",
				Actual: "another time", SpecPointer: "#/components/schemas/EncryptedPush", Evidence: spec.Evidence{Grade: "documented", Source: "D"},
			})
		}
	}
	seconds, err := strconv.ParseInt(m.stamp, 10, 64)
	check("/TimeStamp", time.Unix(seconds, 0), err)
	at, err := time.ParseInLocation(time.DateTime, m.EventTime, beijing())
	check("/eventTime", at, err)
	return nil
}
