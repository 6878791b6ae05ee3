package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/swanemu/emu/internal/spec"
)

// A view is what a TP sees of an app, to compare before and after.
type view struct {
	rows []row
	// left is how many audits may still be asked for; nil is unknown.
	left *int
	// text is the whole of it, white space and the order of members apart.
	text string
}

// look reads the subject's list and quota.
func (p *probe) look(ctx context.Context, s *Subject) (view, error) {
	list, err := p.read(ctx, opList, s)
	if err != nil {
		return view{}, err
	}
	rows, err := p.rows(list.answer)
	if list.outcome() != Accepted || err != nil {
		if list.outcome() != Crashed && len(p.found) == 0 {
			p.fail(Finding{
				Operation: opList, Expected: "the list of packages", Actual: list.String(),
				Message: "the list of packages cannot be read with the app's own token",
			})
		}
		return view{}, fmt.Errorf("%w: %w", ErrCannot, errNoList)
	}
	quota, err := p.read(ctx, opQuota, s)
	if err != nil {
		return view{}, err
	}
	return view{rows: rows, left: leftIn(quota.answer), text: canonical(list.answer) + canonical(quota.answer)}, nil
}

// leftIn reads how many audits may still be asked for; nil where it is not
// told.
func leftIn(answer []byte) *int {
	var quota struct {
		Data struct {
			Left *int `json:"remain_times"`
		} `json:"data"`
	}
	if json.Unmarshal(answer, &quota) != nil {
		return nil
	}
	return quota.Data.Left
}

// read makes a call without parameters of its own on a subject.
func (p *probe) read(ctx context.Context, call string, s *Subject, params ...param) (*exchange, error) {
	op, ok := p.contract.Operation(call)
	if !ok {
		return nil, fmt.Errorf("%w: the contract has no %s", ErrCannot, call)
	}
	token, err := p.tokenFor(ctx, op, s)
	if err != nil {
		return nil, err
	}
	return p.call(ctx, &wire{op: op, method: op.Method, place: inQuery, token: token.token, params: params})
}

// canonical writes JSON in one form.
func canonical(data []byte) string {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return string(data)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return string(data)
	}
	return string(out)
}

// row finds a package in a view: by its id, or by its version while it has
// none.
func (v view) row(one *Package) (row, bool) {
	i := slices.IndexFunc(v.rows, func(r row) bool { return one.ID != 0 && r.ID == one.ID })
	if i < 0 {
		i = slices.IndexFunc(v.rows, func(r row) bool { return r.ID == 0 && r.Version == one.Version })
	}
	if i < 0 {
		return row{}, false
	}
	return v.rows[i], true
}

// in says which state of the lifecycle a package is seen in: its name, or what
// there is instead.
func (p *probe) in(v view, one *Package) string {
	r, ok := v.row(one)
	if !ok {
		return "not listed"
	}
	if st := p.stateOf(r); st != nil {
		return st.Name
	}
	return fmt.Sprintf("status %d, upload_status %d", r.Status, r.Upload)
}

// seen is how a state shows in a list.
func (s *suite) shows(state string) string {
	if st := s.state(state); st.Listed {
		return state
	}
	return "not listed"
}

// unchanged compares two views; a difference is a finding of effect.none.
func (p *probe) unchanged(before, after view, f Finding) {
	f.Check = "effect.none"
	p.saw(f.Check)
	if before.text == after.text {
		return
	}
	f.Message = "a refused call changed what the TP sees"
	f.Expected, f.Actual = "the list and the quota of before", "another list or quota"
	f.ValuePointer = "/data"
	p.fail(f)
}

// packageID is the parameter that names a package.
func packageID(id int64) param {
	text := strconv.FormatInt(id, 10)
	return param{name: "package_id", text: text, json: json.RawMessage(text)}
}

// appID is the parameter that names an app.
func appID(id int64) param {
	text := strconv.FormatInt(id, 10)
	return param{name: "app_id", text: text, json: json.RawMessage(text)}
}

// errNoList says that the list could not be read; the answer's own findings say
// why.
var errNoList = errors.New("the list of packages cannot be read")

// A row is one package of a list.
type row struct {
	ID       int64  `json:"package_id"`
	Version  string `json:"version"`
	Status   int    `json:"status"`
	Upload   int    `json:"upload_status"`
	Desc     string `json:"version_desc"`
	Commit   string `json:"commit_time"`
	Rollback string `json:"rollback_version"`
	// text is all of it in one form.
	text string
}

// rows reads a list.
func (s *suite) rows(answer []byte) ([]row, error) {
	var list struct {
		Data []json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(answer, &list); err != nil {
		return nil, errNoList
	}
	out := make([]row, 0, len(list.Data))
	for _, data := range list.Data {
		r := row{text: canonical(data)}
		if err := json.Unmarshal(data, &r); err != nil {
			return nil, errNoList
		}
		out = append(out, r)
	}
	return out, nil
}

// stateOf is the state that a row shows; nil for none of the lifecycle's.
func (s *suite) stateOf(r row) *spec.State {
	for i := range s.lifecycle.States {
		st := &s.lifecycle.States[i]
		if st.Listed && st.Status == r.Status && st.UploadStatus == r.Upload {
			return st
		}
	}
	return nil
}
