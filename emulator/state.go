package emulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// stateVersion is the form of an exported State.
const stateVersion = 1

// State is everything a sandbox is: what a log of inputs leads to, what an
// export holds. The sandbox's lock guards it.
type State struct {
	Version int    `json:"version"`
	Name    string `json:"name"`
	Seed    uint64 `json:"seed"`
	// At is the sandbox's time of the last input, in nanoseconds since 1970.
	At int64 `json:"at"`
	// Rate is how fast the clock runs against the wall's; 0 stands still.
	Rate float64 `json:"rate"`
	// Follows says that the clock is the machine's, so that after a pause of
	// the process it has gone on.
	Follows bool `json:"follows,omitempty"`
	// Origin is how the sandbox was made, for a reset.
	Origin Origin `json:"origin"`
	// Config is what the platform of this sandbox decides by itself.
	Config Config `json:"config"`
	// Inputs numbers the inputs that could change the state.
	Inputs int64 `json:"inputs"`
	// Journal is the journal's last number when the log's snapshot was taken,
	// so that numbers go on after a restart.
	Journal int64 `json:"journal,omitempty"`
	// LastTimer, LastEvent, LastPackage and LastDecision number what was made.
	LastTimer    int64 `json:"last_timer"`
	LastEvent    int64 `json:"last_event"`
	LastPackage  int64 `json:"last_package"`
	LastDecision int64 `json:"last_decision"`
	// LastOrder and LastRefund number orders and their refunds.
	LastOrder  int64 `json:"last_order"`
	LastRefund int64 `json:"last_refund"`

	Apps      map[int64]*App    `json:"apps"`
	TPs       map[int64]*TP     `json:"tps"`
	Hosts     map[string]*Host  `json:"hosts"`
	Tokens    map[string]*Token `json:"tokens"`
	Codes     map[string]*Code  `json:"codes"`
	Decisions []*Decision       `json:"decisions,omitempty"`
	// Merchants are in the order they were made, Orders in order of ID.
	Merchants []*Merchant `json:"merchants,omitempty"`
	Orders    []*Order    `json:"orders,omitempty"`
	Timers    timerHeap   `json:"timers,omitempty"`

	// Users are the users of the host apps, by huid, and Devices what they
	// use, by cuid; LastUser numbers both as they are made.
	Users    map[int64]*User    `json:"users"`
	Devices  map[string]*Device `json:"devices"`
	LastUser int64              `json:"last_user"`
	// LoginCodes are the codes that logins gave, the used ones until they
	// expire; Sessions what the logins began, by app and user (sessionName).
	LoginCodes map[string]*LoginCode `json:"login_codes,omitempty"`
	Sessions   map[string]*Session   `json:"sessions,omitempty"`
	// Forms are the forms that users have sent, by form id.
	Forms map[string]*Form `json:"forms,omitempty"`
	// Answers are what users will answer when they are asked, in order.
	Answers    []*UserAnswer `json:"answers,omitempty"`
	LastAnswer int64         `json:"last_answer,omitempty"`
	// SwanIDs are the swanids of host apps that were signed, each with the
	// developer whom it was signed for.
	SwanIDs map[string]string `json:"swanids,omitempty"`
	// LastQuestion numbers the requests to the servers of host apps.
	LastQuestion int64 `json:"last_question,omitempty"`

	// Messages are what users were sent, the most recent of it, in order;
	// LastMessage numbers them. FeedCards are the cards in users' feeds, the
	// most recent ones, and Subscriptions what users agreed to get.
	Messages      []*UserMessage  `json:"messages,omitempty"`
	LastMessage   int64           `json:"last_message,omitempty"`
	FeedCards     []*FeedCard     `json:"feed_cards,omitempty"`
	Subscriptions []*Subscription `json:"subscriptions,omitempty"`

	// Faults are the interferences that were scripted, in the order they were
	// given; Held the events that one of them holds back.
	Faults    []*Fault `json:"faults,omitempty"`
	LastFault int64    `json:"last_fault,omitempty"`
	Held      []int64  `json:"held,omitempty"`

	// Events holds what was emitted and is still owed, and the most recent of
	// what is not, in order of ID.
	Events []*Event `json:"events,omitempty"`
	// Remembered is how many events were left when the oldest were last
	// forgotten.
	Remembered int `json:"remembered,omitempty"`
	// KafkaQueue holds the events that Kafka is owed, in order.
	KafkaQueue []int64 `json:"kafka_queue,omitempty"`
	// KafkaFailures counts the failed attempts since the last success.
	KafkaFailures int `json:"kafka_failures,omitempty"`
	// KafkaWait is the timer that ends a pause after a failure; 0: none.
	KafkaWait int64 `json:"kafka_wait,omitempty"`

	keys map[string]int64 // client ID of an app or a TP -> app or TP
	// orders are those of Orders by dealId and the merchant's number.
	orders map[string]*Order
}

// Origin is how a sandbox was made, next to its seed.
type Origin struct {
	// Mode is the mode of its clock; Start its first time, in nanoseconds
	// since 1970, 0 for the machine's time.
	Mode  string `json:"mode"`
	Start int64  `json:"start,omitempty"`
	// Manual is what SandboxOptions said.
	Manual *bool `json:"manual,omitempty"`
}

// options are the options that make such a sandbox again.
func (o Origin) options(seed uint64) SandboxOptions {
	out := SandboxOptions{Seed: seed, Manual: o.Manual}
	if o.Mode != "" {
		out.Clock = &Clock{Mode: o.Mode}
		if o.Start != 0 {
			out.Clock.Start = time.Unix(0, o.Start)
		}
	}
	return out
}

// Config is what a sandbox's platform decides by itself. Durations are in
// nanoseconds.
type Config struct {
	// Upload, Audit and Rollback are the delays of the platform's steps.
	Upload   time.Duration `json:"upload_delay"`
	Audit    time.Duration `json:"audit_delay"`
	Rollback time.Duration `json:"rollback_delay"`
	// Manual makes the platform decide nothing until it is told.
	Manual bool `json:"manual"`
	// TokenTTL is the life of a client-credentials token.
	TokenTTL time.Duration `json:"token_ttl"`
	// AuditQuota is the number of audits an app may ask for in a week.
	AuditQuota int `json:"audit_quota"`
	// CodeTTL is the life of a login's code.
	CodeTTL time.Duration `json:"code_ttl"`
	// SessionTTL is how long a session lives that nobody uses.
	SessionTTL time.Duration `json:"session_ttl"`
	// KillOldSession ends a session and its key when its user logs in again;
	// else they go on (seed 004: may).
	KillOldSession bool `json:"kill_old_session"`
	// AuthorizeKeyPath is the member below which answers of the host API
	// stand; "" for none (seed 003).
	AuthorizeKeyPath string `json:"authorize_key_path"`
	// UserDataPadding is the block that the padding of user data fills: 16 or
	// 32 bytes.
	UserDataPadding int `json:"user_data_padding"`
	// UserAnswer is what users answer who were not told: AnswerAgree,
	// AnswerRefuse or AnswerCancel.
	UserAnswer string `json:"user_answer"`
	// RefuseUnknown refuses a unicast message to somebody who is not there
	// instead of leaving them out.
	RefuseUnknown bool `json:"refuse_unknown_recipients"`
	// TemplateLimit bounds the message templates of an app.
	TemplateLimit int `json:"template_limit"`
	// SignWindow is how far the timestamp of a host's signed request may be
	// from the sandbox's time; 0 is any.
	SignWindow time.Duration `json:"sign_window,omitempty"`
	// PushPlain sends pushes unencrypted.
	PushPlain bool `json:"push_plain"`
	// PushAttempts bounds the attempts of one push.
	PushAttempts int `json:"push_attempts"`
	// StrictEvidence refuses what is only assumed.
	StrictEvidence bool `json:"strict_evidence,omitempty"`
	// Topic is the Kafka topic.
	Topic string `json:"topic"`
	// Payment and Refund are how long users and refunds take.
	Payment time.Duration `json:"payment_delay"`
	Refund  time.Duration `json:"refund_delay"`
	// NotifyInterval is the pause before a payment's notification is sent
	// again, NotifyRetries how often it is at most.
	NotifyInterval time.Duration `json:"notify_interval"`
	NotifyRetries  int           `json:"notify_retries"`
}

// newState returns a platform with nothing in it.
func newState(name string, seed uint64, c Config) *State {
	return &State{
		Version: stateVersion, Name: name, Seed: seed, Config: c,
		LastPackage: 55_000, LastOrder: orderIDs, LastRefund: refundIDs, orders: map[string]*Order{},
		Apps: map[int64]*App{}, TPs: map[int64]*TP{}, Hosts: map[string]*Host{},
		Tokens: map[string]*Token{}, Codes: map[string]*Code{}, keys: map[string]int64{},
		Users: map[int64]*User{}, Devices: map[string]*Device{},
		LoginCodes: map[string]*LoginCode{}, Sessions: map[string]*Session{}, SwanIDs: map[string]string{},
	}
}

// draw returns the random source for one purpose in this sandbox.
func (s *State) draw(purpose string, n int64) random {
	return drawFor(s.Seed, s.Name, purpose, n)
}

// export returns the state as JSON; equal states give equal bytes.
func (s *State) export() ([]byte, error) {
	copied := *s
	copied.Timers = s.Timers.sorted()
	return json.Marshal(&copied)
}

// importState reads an exported state and checks that it holds together.
func importState(data []byte) (*State, error) {
	s := newState("", 0, paymentDefaults(messageDefaults(loginDefaults()))) // what older states lack
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	if err := s.checkNulls(); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("state: /version is %d, this emulator reads %d", s.Version, stateVersion)
	}
	if s.Name == "" {
		return nil, fmt.Errorf("state: /name is missing")
	}
	s.completeHosts()
	for id, a := range s.Apps {
		if a == nil || a.ID != id {
			return nil, fmt.Errorf("state: /apps/%d: app_id must be %d", id, id)
		}
		if err := a.check(); err != nil {
			return nil, fmt.Errorf("state: /apps/%d: %w", id, err)
		}
		s.keys[a.Key] = id
	}
	for id, t := range s.TPs {
		if t == nil || t.ID != id {
			return nil, fmt.Errorf("state: /tps/%d: tp_id must be %d", id, id)
		}
		if t.Apps == nil {
			t.Apps = map[int64]*Authorization{}
		}
		s.keys[t.ClientID] = id
	}
	for _, o := range s.Orders {
		s.orders[orderName(o.Deal, o.TPOrder)] = o
	}
	s.Timers = s.Timers.sorted() // a sorted slice is a heap
	slices.SortFunc(s.Events, func(a, b *Event) int { return int(a.ID - b.ID) })
	return s, nil
}

// credentials returns every key by which a request finds this sandbox, in
// order.
func (s *State) credentials() []string {
	keys := slices.Collect(maps.Keys(s.Tokens))
	keys = slices.AppendSeq(keys, maps.Keys(s.keys))
	keys = slices.AppendSeq(keys, maps.Keys(s.Hosts))
	for _, m := range s.Merchants {
		keys = append(keys, m.Key)
	}
	slices.Sort(keys)
	return keys
}

// appIDs returns the ids of all apps, in order.
func (s *State) appIDs() []int64 { return slices.Sorted(maps.Keys(s.Apps)) }

// event returns an event that is still remembered, or nil.
func (s *State) event(id int64) *Event {
	i, found := slices.BinarySearchFunc(s.Events, id, func(e *Event, id int64) int {
		return int(e.ID - id)
	})
	if !found {
		return nil
	}
	return s.Events[i]
}

// hosts returns the members of the alliance, in order of officalNo.
func (s *State) hosts() []*Host {
	return slices.SortedFunc(maps.Values(s.Hosts), func(a, b *Host) int { return int(a.OfficalNo - b.OfficalNo) })
}
