package contracttest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// What an Observer knows of packages from the lists that went by.

const (
	// maxViews bounds how many apps are remembered, maxTracks how many
	// packages of one, maxLines how many tokens.
	maxViews  = 1000
	maxTracks = 1000
	maxLines  = 5000
)

// A listMemory is what lists said of packages, by who looked: an app is told by
// the token of its TP, or by the token of a host and the app_id.
type listMemory struct {
	lifecycle *spec.Lifecycle
	// reach holds which states a package can be in after it was in one, that
	// one included.
	reach map[string]map[string]bool
	views map[string]map[int64]*track
	// lines tells which tokens are of one line: each was had for the one
	// before.
	lines map[string]string
	count int
}

// A track is what is known of one package.
type track struct {
	version string
	// states are those that it may be in since end, the end of the list that
	// said so.
	states map[string]bool
	end    time.Time
}

func newListMemory(l *spec.Lifecycle) *listMemory {
	m := &listMemory{lifecycle: l, reach: map[string]map[string]bool{}, views: map[string]map[int64]*track{}, lines: map[string]string{}}
	for _, s := range l.States {
		from := map[string]bool{s.Name: true}
		for again := true; again; {
			again = false
			for _, t := range l.Transitions {
				if !from[t.To] && slices.ContainsFunc(t.From, func(f string) bool { return from[f] }) {
					from[t.To], again = true, true
				}
			}
		}
		m.reach[s.Name] = from
	}
	return m
}

// line names the line of a token.
func (m *listMemory) line(token string) string {
	if name, ok := m.lines[token]; ok {
		return name
	}
	return "token " + token
}

// issued notes that a token was had for something of a line; "" begins one.
func (m *listMemory) issued(line string, tokens ...string) {
	if len(m.lines) > maxLines {
		clear(m.lines)
		clear(m.views)
	}
	if line == "" {
		m.count++
		line = fmt.Sprintf("line %d", m.count)
	}
	for _, token := range tokens {
		if token != "" {
			m.lines[token] = line
		}
	}
}

// packages follows the packages of an app through the lists that go by.
func (j *jotting) packages(params spec.Params) {
	if j.x.Outcome != Accepted {
		return
	}
	m, op := j.lists, j.in.op
	token := params.Text(op.TokenParam)
	switch op.Call() {
	case opIssue:
		var a struct {
			Token string `json:"access_token"`
		}
		if json.Unmarshal(j.x.Answer, &a) == nil {
			m.issued("client "+params.Text("client_id"), a.Token)
		}
	case opExchange:
		var a struct {
			Token   string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}
		if json.Unmarshal(j.x.Answer, &a) == nil {
			m.issued(m.lines[params.Text("refresh_token")], a.Token, a.Refresh)
		}
	case opList:
		j.follow(m.line(token))
	case opHostList:
		j.follow(m.line(token) + " app " + params.Text("app_id"))
	}
}

// follow holds a list against the ones before it.
func (j *jotting) follow(viewer string) {
	rows, err := j.rows(j.x.Answer)
	if err != nil {
		return
	}
	m := j.lists
	if m.views[viewer] == nil || len(m.views[viewer]) > maxTracks {
		if len(m.views) > maxViews {
			clear(m.views)
		}
		m.views[viewer] = map[int64]*track{}
	}
	tracks := m.views[viewer]
	j.saw("traffic.ids")
	j.saw("traffic.lifecycle")
	begin, end := j.x.Started, j.x.Started.Add(j.x.Duration)
	if begin.Nanosecond()%int(time.Millisecond) == 0 {
		end = end.Add(time.Millisecond) // as far as whoever wrote down the time looked
	}
	listed := map[int64]bool{}
	for _, r := range rows {
		st := j.stateOf(r)
		if r.ID == 0 || st == nil || listed[r.ID] {
			continue // it has no id yet, or another check says what is wrong
		}
		listed[r.ID] = true
		t := tracks[r.ID]
		if t != nil && t.version != "" && r.Version != "" && t.version != r.Version {
			j.fail(Finding{
				Check: "traffic.ids", ValuePointer: "/data/*/package_id", Expected: "the version that it stood for before",
				Actual: "another version", Message: "a package_id stands for another package than before", Evidence: st.Evidence,
			})
			t = nil
		}
		if t == nil {
			tracks[r.ID] = &track{version: r.Version, states: map[string]bool{st.Name: true}, end: end}
			continue
		}
		j.step(t, st, begin, end)
	}
	for id, t := range tracks {
		if !listed[id] {
			m.vanish(t, begin, end)
		}
	}
}

// step moves a package on to the state that it is seen in.
func (j *jotting) step(t *track, st *spec.State, begin, end time.Time) {
	if !begin.After(t.end) {
		// Nobody knows which of the two lists was made first.
		t.states[st.Name] = true
		t.end = later(t.end, end)
		return
	}
	was := make([]string, 0, len(t.states))
	for name := range t.states {
		if j.lists.reach[name][st.Name] {
			was = nil
			break
		}
		was = append(was, name)
	}
	if len(was) > 0 {
		slices.Sort(was)
		j.fail(Finding{
			Check: "traffic.lifecycle", ValuePointer: "/data/*/status", SpecPointer: "#/x-lifecycle/package/transitions", Evidence: st.Evidence,
			Expected: "a state that leads on from " + j.told(was), Actual: st.Name,
			Message: "a package is in a state that no step leads to from where it was",
		})
	}
	t.states, t.end = map[string]bool{st.Name: true}, end
}

// told names the states that a package may have been in: after it was off the
// list, that.
func (j *jotting) told(was []string) string {
	for _, st := range j.lifecycle.States {
		if slices.Contains(was, st.Name) && st.Listed {
			return st.Name
		}
	}
	return "off the list"
}

// vanish moves a package on that is not on a list any more.
func (m *listMemory) vanish(t *track, begin, end time.Time) {
	gone := map[string]bool{}
	for _, st := range m.lifecycle.States {
		for name := range t.states {
			if !st.Listed && m.reach[name][st.Name] {
				gone[st.Name] = true
			}
		}
	}
	if len(gone) == 0 {
		return
	}
	if !begin.After(t.end) {
		for name := range t.states {
			gone[name] = true
		}
		end = later(t.end, end)
	}
	t.states, t.end = gone, end
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
