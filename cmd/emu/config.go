package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"github.com/swanemu/emu/scenarios"
)

// settings are the values of the flags of serve, under the same names.
type settings struct {
	Listen         string   `koanf:"listen"`
	Proxy          string   `koanf:"proxy"`
	TLS            bool     `koanf:"tls"`
	TLSListen      string   `koanf:"tls-listen"`
	TLSHosts       []string `koanf:"tls-hosts"`
	TLSCert        string   `koanf:"tls-cert"`
	TLSKey         string   `koanf:"tls-key"`
	TLSCA          string   `koanf:"tls-ca"`
	Config         string   `koanf:"config"`
	Spec           string   `koanf:"spec"`
	Data           string   `koanf:"data"`
	Seed           uint64   `koanf:"seed"`
	Strict         bool     `koanf:"strict"`
	StrictEvidence bool     `koanf:"strict-evidence"`
	JournalSize    int      `koanf:"journal-size"`
	BodyLimit      int64    `koanf:"body-limit"`

	Clock         string        `koanf:"clock"`
	ClockStart    string        `koanf:"clock-start"`
	UploadDelay   time.Duration `koanf:"upload-delay"`
	AuditDelay    time.Duration `koanf:"audit-delay"`
	RollbackDelay time.Duration `koanf:"rollback-delay"`
	AuditQuota    int           `koanf:"audit-quota"`
	Manual        bool          `koanf:"manual"`
	Scenario      string        `koanf:"scenario"`
	Scenarios     string        `koanf:"scenarios"`
	Watch         bool          `koanf:"watch"`
	Record        string        `koanf:"record"`
	TokenTTL      time.Duration `koanf:"token-ttl"`
	GatewayStatus int           `koanf:"gateway-status"`

	Kafka             []string      `koanf:"kafka"`
	KafkaTopic        string        `koanf:"kafka-topic"`
	KafkaListen       string        `koanf:"kafka-listen"`
	KafkaAdvertise    string        `koanf:"kafka-advertise"`
	KafkaWait         time.Duration `koanf:"kafka-wait"`
	KafkaTLS          bool          `koanf:"kafka-tls"`
	KafkaCA           string        `koanf:"kafka-ca"`
	KafkaCert         string        `koanf:"kafka-cert"`
	KafkaKey          string        `koanf:"kafka-key"`
	KafkaSASL         string        `koanf:"kafka-sasl"`
	KafkaUser         string        `koanf:"kafka-user"`
	KafkaPassword     string        `koanf:"kafka-password"`
	KafkaPasswordFile string        `koanf:"kafka-password-file"`

	Egress       string        `koanf:"egress"`
	EgressAllow  []string      `koanf:"egress-allow"`
	PushPlain    bool          `koanf:"push-plain"`
	PushTimeout  time.Duration `koanf:"push-timeout"`
	PushAttempts int           `koanf:"push-attempts"`

	AdminToken     string   `koanf:"admin-token"`
	AdminTokenFile string   `koanf:"admin-token-file"`
	AdminOpen      bool     `koanf:"admin-open"`
	Pprof          bool     `koanf:"pprof"`
	AllowOrigins   []string `koanf:"allow-origin"`

	LogFormat string `koanf:"log-format"`
	LogLevel  string `koanf:"log-level"`
	Quiet     bool   `koanf:"quiet"`

	offline bool // the proxy takes the platform's hosts only

	from  origins
	plain plain
	named *scenarios.Collection // what can be named
	story *scenarios.Scenario   // what Scenario names
}

// layer is one source of settings: parsed values and where each stands.
type layer struct {
	values map[string]any
	at     map[string]string
}

func newLayer() layer { return layer{values: map[string]any{}, at: map[string]string{}} }

// ReadBytes is not how a layer is read.
func (l layer) ReadBytes() ([]byte, error) { return nil, errors.New("a layer holds values, not bytes") }

// Read returns the values, as koanf wants them.
func (l layer) Read() (map[string]any, error) { return l.values, nil }

// origin is where the winning value of a setting comes from; a later layer
// has the higher rank.
type origin struct {
	rank int
	at   string
}

// origins has an entry for each setting that is not at its default.
type origins map[string]origin

// of names the place of a setting's value.
func (o origins) of(name string) string { return cmp.Or(o[name].at, "--"+name) }

// given tells whether somebody set it.
func (o origins) given(name string) bool { return o[name].rank > 0 }

// load merges defaults, file, environment and flags. flags are those of the
// command line, parsed, of which the ones that serve does not have are
// ignored. All complaints come back at once.
func load(flags *pflag.FlagSet, environ []string) (settings, error) {
	known := serveFlags()
	variables, envErr := environment(known, environ)
	line := pflag.NewFlagSet("", pflag.ContinueOnError)
	command := newLayer()
	flags.VisitAll(func(f *pflag.Flag) {
		if known.Lookup(f.Name) == nil {
			return
		}
		line.AddFlag(f)
		if f.Changed {
			command.at[f.Name] = "--" + f.Name
		}
	})
	known.VisitAll(func(f *pflag.Flag) {
		if line.Lookup(f.Name) == nil {
			line.AddFlag(f)
		}
	})
	file, fileErr := newLayer(), error(nil)
	if path, text, err := configText(line, variables); err != nil || path == "" {
		fileErr = err
	} else {
		file, fileErr = parseFile(path, text, known)
	}
	if err := errors.Join(fileErr, envErr); err != nil {
		return settings{}, err
	}

	k := koanf.New("/")
	s := settings{from: origins{}}
	for rank, l := range []layer{file, variables, command} {
		for name, at := range l.at {
			s.from[name] = origin{rank + 1, at}
		}
		if err := k.Load(l, nil); err != nil {
			return s, err
		}
	}
	if err := k.Load(posflag.Provider(line, "/", k), nil); err != nil {
		return s, err
	}
	if err := k.Unmarshal("", &s); err != nil {
		return s, err
	}
	err := s.finish()
	return s, err
}

// configText reads the settings file that was asked for, or emu.yaml if there
// is one; path is "" if there is none.
func configText(flags *pflag.FlagSet, variables layer) (path string, text []byte, err error) {
	f := flags.Lookup("config")
	path, at := f.Value.String(), "--config"
	if !f.Changed {
		path, _ = variables.values["config"].(string)
		at = variables.at["config"]
	}
	if path == "" {
		path, at = "emu.yaml", ""
	}
	text, err = os.ReadFile(path)
	switch {
	case err == nil:
		return path, text, nil
	case at == "" && errors.Is(err, fs.ErrNotExist):
		return "", nil, nil
	}
	return "", nil, fmt.Errorf("%s: %w", cmp.Or(at, "settings"), err)
}

// orchestrated matches what Kubernetes and Docker set for a service or a
// linked container that is called emu; these are not settings.
const orchestrated = `^EMU_(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_\d+_(TCP|UDP|SCTP)(_.+)?)?|NAME|ENV_.+)$`

// environment reads the EMU_* variables; an empty one counts as not set.
func environment(known *pflag.FlagSet, environ []string) (layer, error) {
	l := newLayer()
	var names []string
	known.VisitAll(func(f *pflag.Flag) { names = append(names, variable(f.Name)) })
	foreign := regexp.MustCompile(orchestrated)
	var errs []error
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "EMU_") || foreign.MatchString(name) || slices.Contains(exported(), strings.TrimPrefix(name, "EMU_")) {
			continue
		}
		if !slices.Contains(names, name) {
			errs = append(errs, fmt.Errorf("unknown variable %s%s", name, didYouMean("", name, names)))
			continue
		}
		if text == "" {
			continue
		}
		setting := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "EMU_")), "_", "-")
		value, err := parseValue(known.Lookup(setting), text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		l.values[setting], l.at[setting] = value, name
	}
	return l, errors.Join(errs...)
}

// variable is the name of a setting's variable.
func variable(setting string) string {
	return "EMU_" + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

// parseValue reads text as a value of the flag's type.
func parseValue(f *pflag.Flag, text string) (value any, err error) {
	want := ""
	switch f.Value.Type() {
	case "bool":
		value, err = strconv.ParseBool(text)
		want = "true or false"
	case "int":
		value, err = strconv.Atoi(text)
		want = "a whole number"
	case "int64":
		value, err = strconv.ParseInt(text, 10, 64)
		want = "a whole number"
	case "uint64":
		value, err = strconv.ParseUint(text, 10, 64)
		want = "a whole number that is not negative"
	case "duration":
		value, err = time.ParseDuration(text)
		want = "a duration such as 90s or 720h"
	case "stringSlice":
		return splitList(text), nil
	default:
		return text, nil
	}
	if err != nil {
		return nil, fmt.Errorf("want %s, not %q", want, text)
	}
	return value, nil
}

// splitList splits a list at its commas.
func splitList(text string) []string {
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}
