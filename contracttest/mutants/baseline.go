package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/contracttest/emutarget"
	"github.com/swanemu/emu/internal/seal"
	"github.com/swanemu/emu/internal/spec"
)

// A Server is a platform that nobody else uses, and what a run needs of it.
type Server struct {
	// URL is where it answers, its control API too; Transport carries the
	// requests there.
	URL       string
	Transport http.RoundTripper
	// Notices reads a Kafka topic of its.
	Notices func(topic string) contracttest.Notices
	// Close ends it.
	Close func(context.Context) error
}

// A Maker makes a Server; what looks random there comes from the seed.
type Maker func(ctx context.Context, seed uint64) (*Server, error)

// A Baseline is what an unmodified server comes to while the suite is run on
// it. Only what is in there can be wrong in a way that a client sees.
type Baseline struct {
	contract *spec.Contract
	// Answers counts the accepted and the other answers of each operation.
	Answers map[string]map[string]int `json:"answers"`
	// Values holds one value, as JSON, for each place in the accepted answers
	// of each operation.
	Values map[string]map[string]string `json:"values"`
	// Errors counts the errors of each operation by their names.
	Errors map[string]map[string]int `json:"errors"`
	// Steps counts how often each step of the lifecycle was taken, Events what
	// was told of: push/NAME, and kafka/NAME after a step as kafka/NAME/STEP.
	Steps  map[string]int `json:"steps"`
	Events map[string]int `json:"events"`
}

// Observe runs the suite on an unmodified server. It is an error when anything
// is found there: a suite that finds faults where there are none proves
// nothing about mutants.
func Observe(ctx context.Context, contract *spec.Contract, makeServer Maker) (*Baseline, error) {
	b := &Baseline{
		contract: contract, Answers: map[string]map[string]int{}, Values: map[string]map[string]string{},
		Errors: map[string]map[string]int{}, Steps: map[string]int{}, Events: map[string]int{},
	}
	told := 0
	watch := &fault{
		after: b.answer,
		pushes: func(f *faulty, got []contracttest.Push) []contracttest.Push {
			b.Events = withoutPrefix(b.Events, "push/")
			for _, one := range got {
				if m := openPush(f, one); m != nil {
					b.Events["push/"+m.event()]++
				}
			}
			return got
		},
		notices: func(f *faulty, got []contracttest.Notice) []contracttest.Notice {
			for i, step := range stepsOf(f, len(got)) {
				if i >= told {
					b.Events["kafka/"+noticeName(contract, got[i].Value)+"/"+step]++
				}
			}
			told = len(got)
			return got
		},
	}
	p, err := openPlatform(ctx, contract, makeServer, 1, watch)
	if err != nil {
		return nil, err
	}
	r, err := contracttest.Verify(ctx, p.target, contracttest.Options{Mode: contracttest.Destructive})
	if closeErr := p.close(context.WithoutCancel(ctx)); err == nil {
		err = closeErr
	}
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("the unmodified server: %w", err)
	}
	for step, how := range r.Coverage.Transitions {
		b.Steps[step] = how["taken"]
	}
	return b, nil
}

func withoutPrefix(in map[string]int, prefix string) map[string]int {
	out := map[string]int{}
	for name, n := range in {
		if !strings.HasPrefix(name, prefix) {
			out[name] = n
		}
	}
	return out
}

// answer takes an answer in.
func (b *Baseline) answer(m *message) {
	if m.op == nil {
		return
	}
	if !m.ok() {
		count(b.Answers, m.op.ID, "other")
		if name := m.failure(); name != "" {
			count(b.Errors, m.op.ID, name)
		}
		return
	}
	count(b.Answers, m.op.ID, "accepted")
	values := b.Values[m.op.ID]
	if values == nil {
		values = map[string]string{}
		b.Values[m.op.ID] = values
	}
	if n := parse(m.body); n != nil {
		n.walk("", func(pointer string, v *node) {
			if values[pointer] == "" {
				values[pointer] = string(v.bytes())
			}
		})
	}
}

func count(in map[string]map[string]int, a, b string) {
	if in[a] == nil {
		in[a] = map[string]int{}
	}
	in[a][b]++
}

// platform is a server with a fault, and a sandbox in it to be checked.
type platform struct {
	server *Server
	box    *emutarget.Box
	faulty *faulty
	target contracttest.Target
}

// openPlatform makes a server and a sandbox, and then puts the fault in.
func openPlatform(ctx context.Context, contract *spec.Contract, makeServer Maker, seed uint64, with *fault) (*platform, error) {
	server, err := makeServer(ctx, seed)
	if err != nil {
		return nil, err
	}
	const sandbox = "suite"
	f := &faulty{next: server.Transport, contract: contract, fault: &fault{}}
	box, err := emutarget.Open(ctx, emutarget.Options{
		URL: server.URL, Transport: f, Sandbox: sandbox, Notices: server.Notices,
	})
	if err != nil {
		return nil, errors.Join(err, server.Close(ctx))
	}
	f.control = control{server.Transport, server.URL, sandbox}
	f.fault = with
	t := box.Target()
	f.tp = t.Credentials.TP
	return &platform{server, box, f, f.target(t)}, nil
}

// close ends the sandbox and the server.
func (p *platform) close(ctx context.Context) error {
	return errors.Join(p.box.Close(ctx), p.server.Close(ctx))
}

// An opened is a push in the clear.
type opened struct {
	envelope seal.Push
	message  *node
	id       string
}

// event is the name of the event that a push tells.
func (o *opened) event() string { return textOf(o.message.member("event")) }

// openPush opens a push of the unmodified server; nil for one that cannot be
// opened.
func openPush(f *faulty, one contracttest.Push) *opened {
	var p seal.Push
	if json.Unmarshal(one.Body, &p) != nil {
		return nil
	}
	cipher, err := seal.PushCipher(f.tp.EncodingAESKey)
	if err != nil {
		return nil
	}
	text, id, err := p.Open(cipher, f.tp.SignToken)
	if err != nil {
		return nil
	}
	message := parse(text)
	if message == nil {
		return nil
	}
	return &opened{p, message, id}
}

// noticeName is the name of the event that a notice tells.
func noticeName(c *spec.Contract, value []byte) string {
	n := parse(value)
	if n == nil {
		return ""
	}
	defs := c.Events()
	i := slices.IndexFunc(defs, func(d spec.EventDef) bool {
		return d.Channel == "kafka" && textOf(n.member("code")) == fmt.Sprint(d.Code)
	})
	if i < 0 {
		return ""
	}
	return defs[i].Name
}

// A journal reads which step of the lifecycle each notice of a sandbox tells of:
// the server's journal has the events of a step right behind it.
type journal struct {
	after, last int64
	steps       []entry // of the lifecycle
	notices     []entry
}

// An entry is an entry of a journal.
type entry struct {
	Seq        int64  `json:"seq"`
	Kind       string `json:"kind"`
	Transition struct {
		Name string `json:"name"`
	} `json:"transition"`
	Event struct {
		Channel string `json:"channel"`
	} `json:"event"`
}

// read returns the entries of a kind behind a number.
func (f *faulty) read(kind string, after int64) []entry {
	path := fmt.Sprintf("sandboxes/%s/journal?limit=1000&kind=%s&after=", f.control.sandbox, kind)
	var out []entry
	for {
		var page struct {
			Entries []entry `json:"entries"`
		}
		if json.Unmarshal(f.control.order(http.MethodGet, path+strconv.FormatInt(after, 10), nil), &page) != nil || len(page.Entries) == 0 {
			return out
		}
		out = append(out, page.Entries...)
		after = out[len(out)-1].Seq
	}
}

// stepsOf says which step each of the first n notices tells of, in order.
func stepsOf(f *faulty, n int) []string {
	j := &f.journal
	for _, e := range f.read("transition", j.last) {
		j.last, j.steps = e.Seq, append(j.steps, e)
	}
	for _, e := range f.read("event", j.after) {
		j.after = e.Seq
		if e.Event.Channel == "kafka" {
			j.notices = append(j.notices, e)
		}
	}
	out := make([]string, n)
	for i, e := range j.notices[:min(n, len(j.notices))] {
		at, _ := slices.BinarySearchFunc(j.steps, e.Seq, func(s entry, seq int64) int { return int(s.Seq - seq) })
		if at > 0 {
			out[i] = j.steps[at-1].Transition.Name
		}
	}
	return out
}
