package emulator

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/internal/clock"
)

// DefaultSandbox is the name of the sandbox that every emulator has.
const DefaultSandbox = "default"

// Options says what an emulator is like. The zero value works: the platform's
// own contract, one default sandbox on real time, no Kafka, no disk.
type Options struct {
	// Spec is the OpenAPI document to serve; nil means the platform's own.
	// A document without the platform's extensions is served from its
	// examples and schemas alone.
	Spec []byte
	// SpecName names Spec in messages, e.g. its file name.
	SpecName string
	// Seed is the source of everything that looks random. 0 means 1.
	Seed uint64
	// Clock is the setting of the default sandbox's clock, and of every
	// sandbox that asks for no other.
	Clock Clock
	// Strict makes an answer that does not keep the contract an error of
	// the emulator (HTTP 500) instead of an entry of the journal only. Tests
	// set it.
	Strict bool
	// StrictEvidence makes sandboxes refuse what is only assumed (HTTP 501):
	// operations, steps of a lifecycle and errors of that grade.
	StrictEvidence bool

	// Broker takes the Kafka notices; nil means that notices are recorded
	// in the journal and go nowhere.
	Broker Broker
	// Topic is the default sandbox's Kafka topic; "" means smartapp.change.
	// Another sandbox's is this with its name behind a dot.
	Topic string

	// GatewayStatus is the HTTP status of gateway errors; 0 means 200
	// (assumed: the official client reads them only from a 2xx).
	GatewayStatus int
	// TokenTTL is the life of a client-credentials token; 0 means 30 days
	// (seed 000 says a month).
	TokenTTL time.Duration
	// Delays override the contract's delays of the platform's own steps.
	Delays Delays
	// AuditQuota is how many audits an app may ask for in a week; 0 means 20
	// (assumed).
	AuditQuota int
	// Manual makes the platform decide nothing until it is told.
	Manual bool

	// Egress says where pushes may go.
	Egress Egress
	// PushPlain sends pushes as plain JSON instead of encrypted, for teams
	// that terminate the encryption elsewhere.
	PushPlain bool
	// PushTimeout bounds one attempt to deliver a push; 0 means 5 s.
	PushTimeout time.Duration
	// NotifyTimeout bounds one attempt to tell a merchant something; 0 means
	// 2 s, as the platform's documents say.
	NotifyTimeout time.Duration
	// PushAttempts bounds the attempts of one push; 0 means 16 (assumed:
	// the platform says only "several").
	PushAttempts int

	// AdminToken protects the control API of the whole emulator; "" lets
	// loopback callers in, and only them unless AdminOpen is set.
	AdminToken string
	// AdminOpen lets every caller use the control API when there is no
	// AdminToken.
	AdminOpen bool

	// Profiles lets the control API take profiles of the process (pprof).
	Profiles bool

	// AllowOrigins are the origins of pages of other sites, such as
	// http://localhost:3000, that may call what a client of a mini program
	// calls: the host API, the cashier and what the user is asked. * is any;
	// none is the default. The rest of the control API stays closed to them.
	AllowOrigins []string

	// Setup is told to clients that ask where the emulator is found.
	Setup Setup

	// Store keeps every sandbox's log; nil keeps them in memory only.
	Store Store
	// JournalSize bounds the entries of a sandbox's journal; the oldest go
	// first. 0 means 20,000.
	JournalSize int
	// BodyLimit bounds a request's body, in bytes; 0 means 4 MiB.
	BodyLimit int64
	// Logger gets one line per exchange and per delivery, and what goes wrong;
	// orders of the control API at level debug. nil means none.
	Logger *slog.Logger
	// Version is what health answers call this build; "" means "dev".
	Version string
}

// DefaultSpec is the platform's own contract, which an emulator serves unless
// Options.Spec says otherwise. It must not be written to.
func DefaultSpec() []byte { return emu.OpenAPI }

// ControlSpec is the contract of the control API, an OpenAPI document in YAML.
func ControlSpec() []byte { return adminYAML }

// Clock says how a sandbox's time passes.
type Clock struct {
	// Mode is "real", "virtual" (it moves only when told) or "xN" (N times
	// as fast, e.g. "x60"); "" means real.
	Mode string
	// Start is the first time it says; zero means the machine's present time,
	// for a virtual clock 2026-01-05 09:00 in Shanghai, so that runs repeat.
	Start time.Time
}

// setting is the clock's setting for package clock.
func (c Clock) setting() (clock.Setting, error) {
	if c.Mode == "" {
		c.Mode = "real"
	}
	rate, err := clock.ParseMode(c.Mode)
	if err != nil {
		return clock.Setting{}, err
	}
	if c.Start.IsZero() && rate == clock.Virtual {
		c.Start = time.Date(2026, 1, 5, 9, 0, 0, 0, shanghai)
	}
	setting := clock.Setting{Rate: rate, Start: c.Start}
	return setting, setting.Check()
}

// Delays are the durations of the platform's own steps. Zero means the
// contract's (x-lifecycle); negative means at once.
type Delays struct {
	Upload, Audit, Rollback time.Duration
}

func (o Options) withDefaults() (Options, error) {
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Topic == "" {
		o.Topic = "smartapp.change"
	}
	if o.GatewayStatus == 0 {
		o.GatewayStatus = 200
	}
	if o.GatewayStatus < 200 || o.GatewayStatus > 599 {
		return o, fmt.Errorf("gateway status %d: want an HTTP status from 200 to 599", o.GatewayStatus)
	}
	if o.TokenTTL == 0 {
		o.TokenTTL = 30 * 24 * time.Hour
	}
	if o.TokenTTL < time.Second {
		return o, errors.New("token life: want at least one second")
	}
	if o.AuditQuota == 0 {
		o.AuditQuota = 20
	}
	if o.PushTimeout == 0 {
		o.PushTimeout = 5 * time.Second
	}
	if o.NotifyTimeout == 0 {
		o.NotifyTimeout = 2 * time.Second
	}
	if o.NotifyTimeout < 0 {
		return o, fmt.Errorf("notify timeout %v: want a positive duration", o.NotifyTimeout)
	}
	if o.PushAttempts == 0 {
		o.PushAttempts = 16
	}
	if o.JournalSize == 0 {
		o.JournalSize = 20_000
	}
	if o.BodyLimit == 0 {
		o.BodyLimit = 4 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	return o, nil
}
