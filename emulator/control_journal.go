package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/swanemu/emu/internal/clock"
)

// The journal, read in pages or followed as it grows.

const (
	// entriesRead is how many entries are read unless told otherwise.
	entriesRead = 100
	// entriesAtOnce is how many a stream takes under the sandbox's lock.
	entriesAtOnce = 256
	// heartbeat is how often a stream says that it is still there.
	heartbeat = 15 * time.Second
)

type journalIn struct {
	After     int64  `json:"after"`
	Limit     int    `json:"limit"`
	Kind      string `json:"kind"`
	Operation string `json:"operation"`
	AppID     *int64 `json:"app_id"`
	Outcome   string `json:"outcome"`
}

type journalOut struct {
	Entries []json.RawMessage `json:"entries"`
	Last    int64             `json:"last"`
	Oldest  int64             `json:"oldest"`
}

func readJournal(c *controlCall, in journalIn) (journalOut, error) {
	if in.Limit == 0 {
		in.Limit = entriesRead
	}
	var found []Entry
	out := journalOut{Entries: []json.RawMessage{}}
	err := c.box.look(func(call *Call) {
		j := &c.box.journal
		out.Last, out.Oldest = max(j.last, in.After), j.last-int64(len(j.entries))+1
		for _, e := range j.after(in.After, len(j.entries)) {
			if !in.matches(call.State, e) {
				continue
			}
			if len(found) == in.Limit {
				out.Last = found[len(found)-1].Seq
				break
			}
			found = append(found, e)
		}
	})
	if err != nil {
		return journalOut{}, err
	}
	for _, e := range found {
		text, err := marshal(e)
		if err != nil {
			return journalOut{}, fmt.Errorf("entry %d: %w", e.Seq, err)
		}
		out.Entries = append(out.Entries, text)
	}
	return out, nil
}

// matches reports whether an entry is one of those asked for.
func (in *journalIn) matches(st *State, e Entry) bool {
	if in.Kind != "" && in.Kind != e.Kind {
		return false
	}
	operation, outcome, app := "", "", int64(0)
	switch d := e.Detail.(type) {
	case *Exchange:
		operation, outcome, app = d.Operation(), d.outcome, d.principal.App
		if id, err := strconv.ParseInt(d.params.Text("app_id"), 10, 64); err == nil {
			app = id
		}
	case *Transition:
		app = d.App
	case *EventDetail:
		app = d.App
	case *MessageDetail:
		app = d.App
	case *Attempt:
		outcome = "ok"
		if !d.OK {
			outcome = "failed"
		}
		if ev := st.event(d.Event); ev != nil {
			app = ev.App
		}
	case *Control:
		operation, outcome = d.Operation, d.Outcome
		if id, ok := d.Params["app_id"]; ok {
			app, _ = strconv.ParseInt(paramText(id), 10, 64)
		}
	case *Mismatch:
		operation = d.Operation
	}
	return (in.Operation == "" || in.Operation == operation) && (in.Outcome == "" || in.Outcome == outcome) &&
		(in.AppID == nil || *in.AppID == app)
}

// paramText is a parameter as controlParams shows it.
func paramText(v any) string {
	if raw, ok := v.(json.RawMessage); ok {
		return string(raw)
	}
	return fmt.Sprint(v)
}

type followIn struct {
	After int64 `json:"after"`
}

// followJournal streams the journal for as long as the sandbox and the client
// are there.
func followJournal(c *controlCall, in followIn) (controlAnswer, error) {
	after := in.After
	if c.lastEventID != "" {
		id, err := strconv.ParseInt(c.lastEventID, 10, 64)
		if err != nil || id < 0 {
			return controlAnswer{}, badRequest("", "Last-Event-ID must be the number of an entry")
		}
		after = id
	}
	s := c.box
	return controlAnswer{
		status: http.StatusOK, mediaType: mediaEvents,
		stream: func(ctx context.Context, w *eventWriter) { s.follow(ctx, after, w) },
	}, nil
}

// follow writes the entries after a number as they come.
func (s *Sandbox) follow(ctx context.Context, after int64, w *eventWriter) {
	for {
		s.mu.Lock()
		if after > s.journal.last {
			after = 0 // of a journal that has begun again since
		}
		entries := s.journal.after(after, entriesAtOnce)
		closed := s.closed
		grown := s.journal.wait()
		s.mu.Unlock()
		for _, e := range entries {
			if e.Seq > after+1 && after > 0 {
				w.comment(fmt.Sprintf("entries %d to %d are no longer kept", after+1, e.Seq-1))
			}
			w.entry(e)
			after = e.Seq
		}
		if w.flush() != nil {
			return
		}
		switch {
		case len(entries) > 0:
			continue
		case closed:
			return
		}
		beat := make(chan struct{})
		stop := clock.Wake(heartbeat, func() { close(beat) })
		select {
		case <-grown:
		case <-beat:
			w.comment("still here")
		case <-ctx.Done():
			stop()
			return
		case <-s.em.ctx.Done():
			stop()
			return
		}
		stop()
	}
}

// stream begins an answer that has no end of its own.
func (c *control) stream(w http.ResponseWriter, r *http.Request, a controlAnswer) {
	h := w.Header()
	h.Set("Content-Type", a.mediaType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // where the server has none, none needs to go
	w.WriteHeader(a.status)
	if r.Method == http.MethodHead {
		return
	}
	a.stream(r.Context(), &eventWriter{w: w, rc: rc})
}

// An eventWriter writes server-sent events. After an error it writes nothing
// more; flush tells.
type eventWriter struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	buf bytes.Buffer
	err error
}

// comment writes a line that clients ignore.
func (w *eventWriter) comment(text string) { fmt.Fprintf(&w.buf, ": %s\n\n", text) }

// entry writes one entry of a journal.
func (w *eventWriter) entry(e Entry) {
	data, err := marshal(e)
	if err != nil {
		w.err = err
		return
	}
	fmt.Fprintf(&w.buf, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Kind, data)
}

// flush sends what was written.
func (w *eventWriter) flush() error {
	if w.err == nil {
		_, w.err = w.w.Write(w.buf.Bytes())
	}
	w.buf.Reset()
	if w.err == nil {
		w.err = w.rc.Flush()
	}
	return w.err
}
