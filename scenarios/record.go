package scenarios

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Recording: what a session did becomes a scenario that does it again. The
// sandbox's journal tells what happened, the control API besides what was sent
// and answered, secrets included; of those only references get into the file.

// A Recording is a scenario made of what happened in a sandbox.
type Recording struct {
	// Scenario is the story; Text is it as a file.
	Scenario *Scenario
	Text     []byte
	// Warnings say, an entry of the journal each, what a replay does not do
	// or does in another way. The file has a note in the place of each step
	// that is missing.
	Warnings []string
}

// Record reads what happened in a sandbox and makes a scenario of it. Played in
// a sandbox of the same name and seed, it leads to the same journal, but for
// what the Warnings say. An error says what cannot be recorded at all: a
// journal that has lost its beginning, or a state that was imported.
func Record(ctx context.Context, t Target, sandbox string) (*Recording, error) {
	r := &recorder{
		box: box{t, sandbox}, secrets: map[string]bool{}, lengths: map[int]bool{}, fixed: map[string]string{}, sources: map[string]*source{},
		ids: map[string]*source{}, names: map[string]int{}, tickets: map[int64]string{}, ticketAt: map[string]*ticketPlace{},
		given: map[string]bool{},
	}
	for _, step := range []func(context.Context) error{r.read, r.introduce, r.fold, r.walk} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("record sandbox %s: %w", sandbox, err)
		}
	}
	r.expectations()
	r.insertLets()
	out := &Recording{Warnings: r.warnings, Text: r.text()}
	if found := r.leak(out.Text); found > 0 {
		return nil, fmt.Errorf("record sandbox %s: line %d of the scenario would have a secret in it", sandbox, found)
	}
	if len(out.Text) > maxFile {
		return nil, fmt.Errorf("record sandbox %s: its %d steps make a file of %d bytes, a scenario has at most %d", sandbox, len(r.steps), len(out.Text), maxFile)
	}
	var err error
	if out.Scenario, err = ParseFor(r.contract, r.story.Name+".yaml", out.Text); err != nil {
		return nil, fmt.Errorf("record sandbox %s: %w", sandbox, err)
	}
	return out, nil
}

// recorder makes one recording.
type recorder struct {
	box      box
	contract *Contract
	entries  []taken
	origin   map[string]any
	usual    map[string]any
	state    recordedState
	seed     uint64
	running  bool

	// secrets are the texts that must not get into the file.
	secrets map[string]bool
	lengths map[int]bool
	// fixed are the variables that hold a value from the beginning, sources
	// the answers that brought a value, ids those that brought an id.
	fixed   map[string]string
	sources map[string]*source
	ids     map[string]*source
	names   map[string]int
	// tickets are the present ones; ticketAt is where each could be kept.
	tickets  map[int64]string
	ticketAt map[string]*ticketPlace
	// given are the ids that the file itself gives.
	given     map[string]bool
	strangers int

	firstApp int64
	initial  credentials
	story    Scenario
	// begun is the first entry that is a step.
	begun    int
	now      time.Time
	steps    []*recordedStep
	warnings []string
}

// recordedStep is a step and the entry that it is made of.
type recordedStep struct {
	Step
	from *taken
	// gap says that it moves time that passed by itself.
	gap bool
}

// taken is an entry of a recording.
type taken struct {
	Entry struct {
		Seq      int64     `json:"seq"`
		At       time.Time `json:"at"`
		Cause    int64     `json:"cause"`
		Exchange *struct {
			Operation string `json:"operation"`
			Method    string `json:"method"`
			Path      string `json:"path"`
			Principal *struct {
				Kind string `json:"kind"`
				App  int64  `json:"app_id"`
				TP   int64  `json:"tp_id"`
			} `json:"principal"`
			Params  map[string]any  `json:"params"`
			Status  int             `json:"status"`
			Outcome string          `json:"outcome"`
			Fault   string          `json:"fault"`
			Answer  json.RawMessage `json:"answer"`
		} `json:"exchange"`
		Control *struct {
			Operation string         `json:"operation"`
			Params    map[string]any `json:"params"`
			Outcome   string         `json:"outcome"`
		} `json:"control"`
		Event *event `json:"event"`
		Clock *struct {
			From time.Time `json:"from"`
			To   time.Time `json:"to"`
			Mode string    `json:"mode"`
		} `json:"clock"`
		Fault *struct {
			Length string `json:"length"`
		} `json:"fault"`
		Contract *struct {
			Name string `json:"name"`
		} `json:"contract"`
	} `json:"entry"`
	Params []struct {
		Name  string          `json:"name"`
		In    string          `json:"in"`
		Value json.RawMessage `json:"value"`
	} `json:"params"`
	Answer json.RawMessage `json:"answer"`
	Odd    string          `json:"odd"`
}

// value is a parameter as it was sent, nil for none.
func (t *taken) value(name string) any {
	for _, p := range t.Params {
		if p.Name == name {
			v, _ := decodeJSON(p.Value) // the control API wrote it
			return v
		}
	}
	return nil
}

// order is the parameters of an order as one JSON object.
func (t *taken) order() map[string]any {
	out := map[string]any{}
	for _, p := range t.Params {
		if p.Name == "sandbox" && p.In == "path" {
			continue
		}
		v, _ := decodeJSON(p.Value)
		if text, ok := v.(string); ok && p.In != "json" {
			v = scalarOf(text)
		}
		out[p.Name] = v
	}
	return out
}

// recordedState is what of a sandbox's state is looked at.
type recordedState struct {
	Apps map[string]struct {
		Key    string `json:"app_key"`
		Secret string `json:"app_secret"`
	} `json:"apps"`
	TPs map[string]struct {
		ID         int64  `json:"tp_id"`
		ClientID   string `json:"client_id"`
		AESKey     string `json:"encoding_aes_key"`
		Token      string `json:"token"`
		Ticket     string `json:"ticket"`
		LastTicket string `json:"last_ticket"`
	} `json:"tps"`
	Hosts map[string]struct {
		Name string `json:"name"`
		SK   string `json:"sk"`
		HSK  string `json:"hsk"`
	} `json:"hosts"`
	LoginCodes map[string]json.RawMessage `json:"login_codes"`
	Sessions   map[string]struct {
		Key string `json:"session_key"`
	} `json:"sessions"`
	Merchants []struct {
		Key string `json:"app_key"`
	} `json:"merchants"`
	Tokens map[string]json.RawMessage `json:"tokens"`
	Codes  map[string]json.RawMessage `json:"codes"`
}

// read gets everything from the target.
func (r *recorder) read(ctx context.Context) (err error) {
	if r.contract, err = r.box.contract(ctx); err != nil {
		return err
	}
	if len(r.contract.errors) == 0 {
		return errors.New("the contract is not the platform's: scenarios are")
	}
	var summary struct {
		Seed uint64 `json:"seed"`
	}
	if err := r.box.order(ctx, http.MethodGet, "", nil, &summary); err != nil {
		return err
	}
	r.seed = summary.Seed
	if err := r.box.order(ctx, http.MethodGet, "/state", nil, &r.state); err != nil {
		return err
	}
	return r.readEntries(ctx)
}

// readEntries reads the journal from its beginning.
func (r *recorder) readEntries(ctx context.Context) error {
	for after := int64(0); ; {
		var page struct {
			Origin  map[string]any `json:"origin"`
			Usual   map[string]any `json:"usual"`
			Entries []taken        `json:"entries"`
			Last    int64          `json:"last"`
			Oldest  int64          `json:"oldest"`
		}
		if err := r.box.order(ctx, http.MethodGet, fmt.Sprintf("/recording?limit=1000&after=%d", after), nil, &page); err != nil {
			return err
		}
		if after == 0 && page.Oldest > 1 {
			return fmt.Errorf("the journal begins with entry %d: those before are no longer kept; serve with a larger --journal-size", page.Oldest)
		}
		r.origin, r.usual = page.Origin, page.Usual
		r.entries = append(r.entries, page.Entries...)
		if after = page.Last; len(page.Entries) < 1000 {
			return nil
		}
	}
}

// warn says what a replay does not do.
func (r *recorder) warn(t *taken, format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf("entry %d: ", t.Entry.Seq)+fmt.Sprintf(format, args...))
}

// leave puts a note in the place of a step that the format has not, and warns.
func (r *recorder) leave(t *taken, what string) {
	what = r.clean(what)
	r.warn(t, "%s: left out", what)
	r.add(Step{Note: fmt.Sprintf("Left out, entry %d: %s.", t.Entry.Seq, what)}, t)
}

// add appends a step.
func (r *recorder) add(s Step, from *taken) *recordedStep {
	r.placeTickets()
	step := &recordedStep{Step: s, from: from}
	r.steps = append(r.steps, step)
	return step
}

// text writes the story as a file.
func (r *recorder) text() []byte {
	for _, s := range r.steps {
		r.story.Steps = append(r.story.Steps, s.Step)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Recorded by emu record from sandbox %s.\n", r.box.name)
	writeYAML(&b, &r.story)
	return b.Bytes()
}

// publicURL is a URL without what may be secret in it, and whether there was
// such.
func publicURL(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.User == nil && u.RawQuery == "" {
		return text, false
	}
	u.User, u.RawQuery = nil, ""
	return strings.TrimSuffix(u.String(), "?"), true
}
