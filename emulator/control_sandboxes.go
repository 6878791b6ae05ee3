package emulator

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/swanemu/emu/internal/clock"
)

// Sandboxes as a whole: made, listed, reset, saved, replaced, deleted.

type sandboxesOut struct {
	Sandboxes []sandboxOut `json:"sandboxes"`
}

type sandboxOut struct {
	Name     string  `json:"name"`
	Seed     uint64  `json:"seed"`
	Now      string  `json:"now"`
	Rate     float64 `json:"rate"`
	Mode     string  `json:"mode"`
	Manual   bool    `json:"manual"`
	Topic    string  `json:"topic"`
	Apps     int     `json:"apps"`
	Packages int     `json:"packages"`
	Owed     int     `json:"owed"`
	Journal  int64   `json:"journal"`
}

// summary is a sandbox at a glance.
func (s *Sandbox) summary() (out sandboxOut, err error) {
	err = s.look(func(c *Call) {
		rate := s.clock.Rate()
		out = sandboxOut{
			Name: s.name, Seed: c.State.Seed, Now: stamp(c.Now), Rate: rate, Mode: clock.Mode(rate),
			Manual: c.State.Config.Manual, Topic: c.State.Config.Topic, Apps: len(c.State.Apps),
			Owed: c.State.owed(), Journal: s.journal.last,
		}
		for _, app := range c.State.Apps {
			out.Packages += len(app.Packages)
		}
	})
	return out, err
}

// owed counts the events that are not delivered yet.
func (s *State) owed() (n int) {
	for _, e := range s.Events {
		if e.Status == eventDue || e.Status == eventWaiting {
			n++
		}
	}
	return n
}

func listSandboxes(c *controlCall, _ None) (sandboxesOut, error) {
	out := sandboxesOut{Sandboxes: []sandboxOut{}}
	for _, s := range c.e.all() {
		one, err := s.summary()
		if errors.Is(err, errClosed) {
			continue // deleted or replaced meanwhile
		}
		out.Sandboxes = append(out.Sandboxes, one)
	}
	return out, nil
}

func getSandbox(c *controlCall, _ None) (sandboxOut, error) { return c.box.summary() }

type createSandboxIn struct {
	Name  string `json:"name"`
	Seed  uint64 `json:"seed"`
	Clock *struct {
		Mode  string    `json:"mode"`
		Start time.Time `json:"start"`
	} `json:"clock"`
	Manual *bool `json:"manual"`
}

type createdOut struct {
	Credentials
	AdminToken string `json:"admin_token,omitempty"`
}

func createSandbox(c *controlCall, in createSandboxIn) (createdOut, error) {
	o := SandboxOptions{Seed: in.Seed, Manual: in.Manual}
	if in.Clock != nil {
		o.Clock = &Clock{Mode: in.Clock.Mode, Start: in.Clock.Start}
		if _, err := o.Clock.setting(); err != nil {
			return createdOut{}, badRequest("/clock/mode", err.Error())
		}
		if y := in.Clock.Start.Year(); !in.Clock.Start.IsZero() && (y < 1970 || y > lastYear) {
			return createdOut{}, badRequest("/clock/start", "want a time from 1970 to 2150")
		}
	}
	s, err := c.e.create(in.Name, o)
	if err != nil {
		return createdOut{}, err
	}
	creds, err := s.Credentials()
	return createdOut{creds, c.e.sandboxToken(s.name)}, err
}

// create makes a sandbox; without a name it is sb- and the next number.
func (e *Emulator) create(name string, o SandboxOptions) (*Sandbox, error) {
	for name == "" {
		next := fmt.Sprintf("sb-%d", e.control.generated.Add(1))
		s, err := e.CreateSandbox(next, o)
		var taken *takenError
		if !errors.As(err, &taken) {
			return s, err
		}
	}
	return e.CreateSandbox(name, o)
}

func deleteSandbox(c *controlCall, _ None) (None, error) {
	err := c.e.DeleteSandbox(c.box.name)
	if errors.Is(err, ErrDefaultSandbox) {
		return None{}, conflict("", err.Error())
	}
	return None{}, err
}

func resetSandbox(c *controlCall, _ None) (Credentials, error) {
	s, err := c.e.ResetSandbox(c.box.name)
	if err != nil {
		return Credentials{}, err
	}
	return s.Credentials()
}

func exportState(c *controlCall, _ None) (controlAnswer, error) {
	data, err := c.box.Export()
	return controlAnswer{status: http.StatusOK, mediaType: mediaJSON, body: data}, err
}

// replaceState imports a state.
func replaceState(c *controlCall, _ None) (sandboxOut, error) {
	s, err := c.e.ImportSandbox(c.box.name, c.body)
	if err != nil {
		return sandboxOut{}, err
	}
	return s.summary()
}
