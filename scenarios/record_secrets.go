package scenarios

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// What is secret in a recording, and the tickets, which change.

// redacted is how the journal shows a secret.
const redacted = "[redacted]"

// shortest is the length from which a secret is looked for in other texts.
const shortest = 8

// ticketPlace is where a ticket was the present one, before a step.
type ticketPlace struct {
	step int
	tp   int64
	name string
}

// introduce learns who there is and what is secret.
func (r *recorder) introduce(context.Context) error {
	secret := func(texts ...string) {
		for _, text := range texts {
			if text != "" {
				r.secrets[text] = true
			}
		}
	}
	for id, app := range r.state.Apps {
		secret(app.Key, app.Secret)
		r.fixed[app.Key], r.fixed[app.Secret] = "apps."+id+".app_key", "apps."+id+".app_secret"
	}
	for _, tp := range r.state.TPs {
		secret(tp.ClientID, tp.AESKey, tp.Token, tp.Ticket, tp.LastTicket)
		r.fixed[tp.ClientID] = r.tpVariable(tp.ID, "client_id")
		r.tickets[tp.ID] = tp.Ticket
	}
	for ak, host := range r.state.Hosts {
		secret(ak, host.SK, host.HSK)
		for what, text := range map[string]string{"ak": ak, "sk": host.SK, "hsk": host.HSK} {
			r.fixed[text] = memberVariable(host.Name, what)
		}
		if len(r.state.Hosts) == 1 {
			r.fixed[ak], r.fixed[host.SK] = "ak", "sk"
		}
	}
	secret(slices.Collect(maps.Keys(r.state.Tokens))...)
	secret(slices.Collect(maps.Keys(r.state.Codes))...)
	secret(slices.Collect(maps.Keys(r.state.LoginCodes))...)
	for _, session := range r.state.Sessions {
		secret(session.Key)
	}
	r.firstApp = defaultApp
	for i := range r.entries {
		if err := r.learn(&r.entries[i]); err != nil {
			return fmt.Errorf("entry %d: %w", r.entries[i].Entry.Seq, err)
		}
	}
	for i := len(r.entries) - 1; i >= 0; i-- {
		// Back to the tickets of the beginning, which a TP's last order shows.
		r.ticketBefore(&r.entries[i])
	}
	for _, m := range r.state.Merchants {
		delete(r.secrets, m.Key) // it is public, unlike an app's
	}
	delete(r.fixed, "")
	for secret := range r.secrets {
		if len(secret) >= shortest {
			r.lengths[len(secret)] = true
		}
	}
	return nil
}

// learn takes in what is secret in one entry, and the first credentials.
func (r *recorder) learn(t *taken) error {
	e := &t.Entry
	switch {
	case e.Exchange != nil:
		for name, shown := range e.Exchange.Params {
			if text, ok := t.value(name).(string); ok && shown == redacted && len(text) >= shortest {
				r.secrets[text] = true
			}
		}
		raw, shown := answersOf(t)
		r.hide(raw, shown)
	case e.Event != nil && e.Event.Name == eventTicket:
		if text := ticketIn(e.Event); text != "" {
			r.secrets[text] = true
		}
	case e.Control != nil && e.Control.Operation == "importState":
		return fmt.Errorf("a state was imported: what came before is not in the journal; export it instead")
	case e.Control != nil && e.Control.Operation == "issueCredentials" && e.Control.Outcome == "ok":
		var c credentials
		if err := json.Unmarshal(t.Answer, &c); err != nil {
			return err
		}
		if r.initial.Sandbox == "" {
			r.initial = c
		}
		for text, name := range map[string]string{
			c.TP.AccessToken: "tp_access_token", c.Authorizer.AccessToken: "access_token", c.Authorizer.RefreshToken: "refresh_token",
			c.Host.AK: "ak", c.Host.SK: "sk",
		} {
			r.secrets[text], r.fixed[text] = true, name
		}
	case e.Control != nil && len(t.Answer) > 0:
		var answer any
		if json.Unmarshal(t.Answer, &answer) == nil {
			r.hideNamed(answer)
		}
	}
	return nil
}

// answersOf is an answer as it was and as the journal shows it.
func answersOf(t *taken) (raw, shown any) {
	raw, _ = decodeJSON(t.Answer)
	shown, _ = decodeJSON(t.Entry.Exchange.Answer)
	return raw, shown
}

// hide remembers what the journal does not show of a value.
func (r *recorder) hide(raw, shown any) {
	switch raw := raw.(type) {
	case map[string]any:
		other, _ := shown.(map[string]any)
		for name, v := range raw {
			r.hide(v, other[name])
		}
	case []any:
		other, _ := shown.([]any)
		for i, v := range raw {
			if i < len(other) {
				r.hide(v, other[i])
			}
		}
	case string:
		if shown == redacted && len(raw) >= shortest {
			r.secrets[raw] = true
		}
	}
}

// hideNamed remembers what is secret in an answer of the control API.
func (r *recorder) hideNamed(v any) {
	members, _ := v.(map[string]any)
	for name, v := range members {
		text, ok := v.(string)
		if !ok {
			r.hideNamed(v)
			continue
		}
		switch name {
		case "app_key", "app_secret", "client_id", "encoding_aes_key", "token", "ticket", "access_token", "refresh_token", "authorization_code",
			"code", "sk", "hsk":
			if len(text) >= shortest {
				r.secrets[text] = true
			}
		}
	}
}

// eventTicket is the event that brings a TP's next ticket.
const eventTicket = "TICKET"

func ticketIn(e *event) string {
	var payload struct {
		Ticket string `json:"Ticket"`
	}
	_ = json.Unmarshal(e.Payload, &payload) // the emulator wrote it
	return payload.Ticket
}

// placeTickets remembers that the present tickets could be kept here.
func (r *recorder) placeTickets() {
	for tp, ticket := range r.tickets {
		if ticket != "" && r.ticketAt[ticket] == nil {
			r.ticketAt[ticket] = &ticketPlace{step: len(r.steps), tp: tp}
		}
	}
}

// nextTicket takes in a TP's next ticket.
func (r *recorder) nextTicket(t *taken) {
	if e := t.Entry.Event; e != nil && e.Name == eventTicket {
		r.tickets[e.TP] = ticketIn(e)
	}
}

// ticketBefore goes back to the ticket that was there before an entry.
func (r *recorder) ticketBefore(t *taken) {
	e := &t.Entry
	if e.Event != nil && e.Event.Name == eventTicket {
		r.tickets[e.Event.TP] = ""
	}
	if e.Control == nil || len(t.Answer) == 0 {
		return
	}
	var one struct {
		tpActor
		TP tpActor `json:"tp"`
	}
	if json.Unmarshal(t.Answer, &one) != nil {
		return
	}
	for _, tp := range []tpActor{one.tpActor, one.TP} {
		if tp.ID != 0 && tp.Ticket != "" {
			r.tickets[tp.ID] = tp.Ticket
		}
	}
}

// secretWords finds what may be a secret in a text.
//
//nolint:gochecknoglobals // compiled once, never changed
var secretWords = regexp.MustCompile(`[A-Za-z0-9._-]+`)

// clean is a text without secrets.
func (r *recorder) clean(text string) string {
	text = secretWords.ReplaceAllStringFunc(text, func(word string) string {
		if r.secrets[word] && len(word) >= shortest {
			return "…"
		}
		return word
	})
	if r.within([]byte(text)) >= 0 {
		return "(not shown: there is a secret in it)"
	}
	return text
}

// within finds a secret in a text; -1 for none.
func (r *recorder) within(text []byte) int {
	for n := range r.lengths {
		for i := 0; i+n <= len(text); i++ {
			if r.secrets[string(text[i:i+n])] {
				return i
			}
		}
	}
	return -1
}

// leak is the line of a secret in the file; 0 for none.
func (r *recorder) leak(text []byte) int {
	i := r.within(text)
	if i < 0 {
		return 0
	}
	return 1 + bytes.Count(text[:i], []byte{'\n'})
}
