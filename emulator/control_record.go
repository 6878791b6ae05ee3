package emulator

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/swanemu/emu/internal/spec"
)

// The journal as a recorder needs it: with what was sent and answered, secrets
// included, which whoever may use the control API can export anyhow.

type recordingIn struct {
	After int64 `json:"after"`
	Limit int   `json:"limit"`
}

type recordingOut struct {
	// Origin is the sandbox's config when it was made; Usual is that of an
	// emulator of which nothing was asked.
	Origin  configOut       `json:"origin"`
	Usual   configOut       `json:"usual"`
	Entries []recordedEntry `json:"entries"`
	Last    int64           `json:"last"`
	Oldest  int64           `json:"oldest"`
}

type recordedEntry struct {
	Entry  json.RawMessage `json:"entry"`
	Params []sentParam     `json:"params,omitempty"`
	Answer json.RawMessage `json:"answer,omitempty"`
	Odd    string          `json:"odd,omitempty"`
}

type sentParam struct {
	Name  string          `json:"name"`
	In    string          `json:"in"`
	Value json.RawMessage `json:"value"`
}

func readRecording(c *controlCall, in recordingIn) (recordingOut, error) {
	if in.Limit == 0 {
		in.Limit = entriesRead
	}
	out := recordingOut{Entries: []recordedEntry{}}
	var found []Entry
	var failed error
	err := c.box.look(func(call *Call) {
		j := &c.box.journal
		out.Oldest, out.Last = j.last-int64(len(j.entries))+1, in.After
		out.Origin, out.Usual, failed = c.e.origins(call.State)
		found = j.after(in.After, in.Limit)
	})
	if err := errors.Join(err, failed); err != nil {
		return recordingOut{}, err
	}
	for _, e := range found {
		one, err := recorded(e)
		if err != nil {
			return recordingOut{}, fmt.Errorf("entry %d: %w", e.Seq, err)
		}
		out.Entries, out.Last = append(out.Entries, one), e.Seq
	}
	return out, nil
}

// recorded is an entry with what it leaves out.
func recorded(e Entry) (out recordedEntry, err error) {
	if out.Entry, err = marshal(e); err != nil {
		return out, err
	}
	var params spec.Params
	var answer []byte
	switch d := e.Detail.(type) {
	case *Exchange:
		params, answer, out.Odd = d.params, d.body, d.odd
	case *Control:
		params, answer = d.sent, d.answer
	}
	for _, p := range params {
		one := sentParam{Name: p.Name, In: string(p.In), Value: p.JSON}
		if p.JSON == nil {
			if one.Value, err = marshal(p.Text); err != nil {
				return out, err
			}
		}
		out.Params = append(out.Params, one)
	}
	switch {
	case len(answer) == 0:
	case json.Valid(answer):
		out.Answer = answer
	default:
		out.Answer, err = marshal(string(answer))
	}
	return out, err
}

// origins are the config with which a sandbox was made, and that of an
// emulator of which nothing was asked.
func (e *Emulator) origins(st *State) (origin, usual configOut, err error) {
	plain, err := Options{}.withDefaults()
	if err != nil {
		return origin, usual, err
	}
	p := e.program()
	made := p.config(&e.opt, st.Name)
	if st.Origin.Manual != nil {
		made.Manual = *st.Origin.Manual
	}
	return made.shown(), p.config(&plain, st.Name).shown(), nil
}
