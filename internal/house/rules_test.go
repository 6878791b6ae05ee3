package house

import (
	"fmt"
	"slices"
	"strings"
)

// A rule finds what is wrong in the sources; each complaint begins with the
// place.
type rule struct {
	name  string
	why   string
	check func([]source) []string
	// breaks is a file that breaks the rule, at the path breaksAt.
	breaksAt, breaks string
}

// rules is the table of all rules that look at Go files.
func rules() []rule {
	return []rule{
		{
			name: "imports", check: checkOurImports,
			why:      "the layers stay apart only if nobody reaches past the next one (ARCHITECTURE.md, who may import whom)",
			breaksAt: "internal/spec/x.go", breaks: `package spec; import _ "github.com/swanemu/emu/emulator"`,
		},
		{
			name: "dependencies", check: checkForeignImports,
			why:      "each dependency has one place that knows it, so that it can be replaced there",
			breaksAt: "emulator/x.go", breaks: `package emulator; import _ "github.com/twmb/franz-go/pkg/kgo"`,
		},
		{
			name: "areas", check: checkAreas,
			why:      "a behaviour decides and never sees HTTP, the validator or made-up data: the pipeline does that for all of them",
			breaksAt: "emulator/packages.go", breaks: `package emulator; import _ "net/http"`,
		},
		{
			name: "time", check: checkTime,
			why:      "the same inputs give the same journal only if time comes from the sandbox's clock; the wall's is in internal/clock",
			breaksAt: "emulator/x.go", breaks: `package emulator; import "time"; var x = time.Now()`,
		},
		{
			name: "chance", check: checkChance,
			why:      "the same seed gives the same run only if chance comes from the sandbox's random source",
			breaksAt: "emulator/x.go", breaks: `package emulator; import _ "crypto/rand"`,
		},
		{
			name: "init", check: checkInit,
			why:      "what there is stands in explicit tables; init runs for whoever imports the package",
			breaksAt: "emulator/x.go", breaks: `package emulator; func init() {}`,
		},
		{
			name: "exit", check: checkExit,
			why:      "only main ends the process; all others return errors, so that what they opened is closed",
			breaksAt: "cmd/emu/x.go", breaks: `package main; import "os"; func f() { os.Exit(1) }`,
		},
		{
			name: "variables", check: checkVariables,
			why:      "a package variable that changes is shared by all sandboxes and by all tests of a process",
			breaksAt: "emulator/x.go", breaks: `package emulator; var m = map[string]int{}; func f() { m["a"]++ }`,
		},
		{
			name: "tests", check: checkTests,
			why:      "a skipped test is green without having looked, and one that sleeps is slow, or red on a busy machine",
			breaksAt: "emulator/x_test.go", breaks: `package emulator; import "testing"; func TestX(t *testing.T) { t.Skip() }`,
		},
		{
			name: "docs", check: checkDocs,
			why:      "what is exported is read by people who do not see the code: say in a full sentence what it does",
			breaksAt: "emulator/x.go", breaks: `package emulator; func F() {}`,
		},
		{
			name: "package comments", check: checkPackageComments,
			why:      "the comment of a package is its promise; somebody who opens it has to find one, once",
			breaksAt: "emulator/other/x.go", breaks: `package other`,
		},
		{
			name: "size", check: checkSize,
			why:      "a file of 400 lines and a function of 80 can be read at one go; what is longer does more than one thing",
			breaksAt: "emulator/x.go", breaks: "package emulator\n" + strings.Repeat("\n", maxLines),
		},
	}
}

// ourImports says which packages of the module a folder may import, besides
// those below it whose use is its own business. A folder that is not named
// here is an error: whoever adds one decides where it belongs.
func ourImports() map[string][]string {
	internal := []string{"internal/clock", "internal/seal", "internal/spec"}
	emulator := append([]string{"."}, internal...)
	return map[string][]string{
		".": {},
		// A file of gofakeit in the place of another, in what make build links.
		".ci/slim":          {},
		"internal/clock":    {},
		"internal/floor":    {},
		"internal/har":      {},
		"internal/house":    {},
		"internal/freeport": {},
		"internal/platform": {},
		"internal/redirect": {"internal/clock"},
		"internal/seal":     {},
		"internal/spec":     {},
		// It has a kin-openapi document of its own, with positions, for oasdiff.
		"internal/specdiff": {"internal/spec"},
		"emulator":          emulator,
		"emulator/kafka":    {"emulator"},
		"emulator/store":    {"emulator"},
		"scenarios":         {"emulator"},
		// It is linked into tests alone.
		"emutest": {"emulator", "scenarios", "internal/platform"},
		// The emulator is in the image; here are the names of its credentials, and
		// which files of a directory are scenarios.
		"container": {"emulator", "scenarios", "internal/freeport"},
		// A program of others, which knows the platform and nothing of ours.
		"examples/go-service": {},
		"contracttest":        {".", "internal/clock", "internal/seal", "internal/spec"},
		// It knows emu over HTTP only, like any other harness.
		"contracttest/emutarget": {"contracttest", "internal/clock", "internal/seal"},
		// It knows the server that it makes faulty over HTTP only.
		"contracttest/mutants": {".", "contracttest", "contracttest/emutarget", "internal/seal", "internal/spec"},
		"cmd/emu": append([]string{
			"emulator", "emulator/kafka", "emulator/store", "scenarios", "contracttest",
			"contracttest/emutarget", "contracttest/mutants", "internal/har", "internal/platform", "internal/redirect", "internal/specdiff",
		}, emulator...),
		"bench": append([]string{"emulator", "emulator/kafka", "emulator/store", "internal/floor"}, emulator...),
	}
}

// testImports says what only the tests of a folder may import besides.
func testImports() map[string][]string {
	return map[string][]string{
		// The suite knows HTTP; its tests need a server that is right, and some
		// that are wrong.
		"contracttest": {"emulator"},
		// Their tests hold them against the platform's own contract.
		"internal/platform": {"."},
		"internal/spec":     {"."},
		"internal/specdiff": {"."},
		// The suite makes the requests whose answers an official client reads.
		"emulator":               {"contracttest", "contracttest/emutarget"},
		"contracttest/emutarget": {"emulator"},
		"contracttest/mutants":   {"emulator"},
		// Its tests run it beside an emulator.
		"examples/go-service": {"emulator", "emulator/kafka", "emutest"},
		// Servers that are started later need a port that is still free then.
		"emulator/kafka": {"internal/freeport"},
		"cmd/emu":        {"internal/freeport"},
		"internal/house": {"internal/freeport"},
		// The suite is run on what is in the container.
		"container": {"contracttest", "contracttest/emutarget"},
	}
}

// inRoom returns the entry of table that is the folder or the nearest one
// above it; a missing room is "".
func inRoom[T any](table map[string]T, folder string) (string, T) {
	for at := folder; ; {
		if v, ok := table[at]; ok {
			return at, v
		}
		cut := strings.LastIndexByte(at, '/')
		if cut < 0 {
			break
		}
		at = at[:cut]
	}
	var none T
	return "", none
}

// ours is the folder of a package of this module.
func ours(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

func checkOurImports(all []source) []string {
	var out []string
	table := ourImports()
	for _, s := range all {
		room, allowed := inRoom(table, s.folder())
		if room == "" {
			out = append(out, s.path+": internal/house does not know the folder "+s.folder()+"; say there what it may import")
			continue
		}
		for _, i := range s.imports() {
			folder, is := ours(i)
			// Tests may use what their package may be used with.
			if !is || folder == room || slices.Contains(allowed, folder) || s.isTest() && (mayMeet(table, folder, room) || slices.Contains(testImports()[room], folder)) {
				continue
			}
			out = append(out, fmt.Sprintf("%s imports %s; %s may import %s", s.path, i, room, orNothing(allowed)))
		}
	}
	return out
}

// mayMeet reports whether folder is allowed to import room, so that a test in
// room may bring both together.
func mayMeet(table map[string][]string, folder, room string) bool {
	if _, allowed := inRoom(table, folder); slices.Contains(allowed, room) {
		return true
	}
	// A test may also use the plain helpers that the module keeps for itself.
	return strings.HasPrefix(folder, "internal/") && !strings.HasPrefix(room, "internal/")
}

func orNothing(allowed []string) string {
	if len(allowed) == 0 {
		return "nothing of ours"
	}
	return strings.Join(allowed, ", ")
}

// foreignHomes says which folder, or which file, alone may import a dependency,
// by prefix of its path. Tests may import what they like.
func foreignHomes() map[string][]string {
	return map[string][]string{
		"github.com/getkin/kin-openapi":               {"internal/spec", "internal/specdiff"},
		"github.com/oasdiff/oasdiff":                  {"internal/specdiff"},
		"github.com/gorilla/mux":                      {"internal/spec"},
		"github.com/brianvoe/gofakeit":                {"internal/spec"},
		"github.com/santhosh-tekuri/jsonschema":       {"internal/spec", "scenarios"},
		"github.com/twmb/franz-go":                    {"emulator/kafka", "examples/go-service"},
		"software.sslmate.com/src/go-pkcs12":          {"internal/redirect"},
		"code.dny.dev/ssrf":                           {"emulator"},
		"github.com/cenkalti/backoff":                 {"emulator"},
		"github.com/VictoriaMetrics/metrics":          {"emulator"},
		"github.com/prometheus":                       {},
		"go.opentelemetry.io":                         {},
		"maragu.dev/gomponents":                       {"contracttest/report_page.go", "emulator/alliance_page.go"},
		"runtime/pprof":                               {"emulator"},
		"github.com/spf13/cobra":                      {"cmd/emu"},
		"github.com/spf13/pflag":                      {"cmd/emu"},
		"github.com/knadh/koanf":                      {"cmd/emu"},
		"github.com/lmittmann/tint":                   {"cmd/emu"},
		"github.com/shirou/gopsutil":                  {"cmd/emu"},
		"github.com/fsnotify/fsnotify":                {"cmd/emu"},
		"github.com/google/go-cmp":                    {},
		"github.com/testcontainers/testcontainers-go": {"container"},
		"github.com/moby/moby":                        {"container"},
		"github.com/rogpeppe/go-internal":             {},
		"pgregory.net/rapid":                          {},
		"go.uber.org/goleak":                          {},
		"testing":                                     {"emutest"},
		"net/http/httptest":                           {"emutest"},
		"net/http/pprof":                              {},
		"expvar":                                      {},
		// Once templates are executed, the linker keeps every exported method.
		"html/template": {},
		"text/template": {},
	}
}

func checkForeignImports(all []source) []string {
	var out []string
	homes := foreignHomes()
	for _, s := range all {
		if s.isTest() {
			continue
		}
		for _, i := range s.imports() {
			dependency, allowed := inRoom(homes, i)
			if dependency == "" || slices.Contains(allowed, s.folder()) || slices.Contains(allowed, s.path) {
				continue
			}
			if len(allowed) == 0 {
				out = append(out, fmt.Sprintf("%s imports %s, which only tests may", s.path, i))
				continue
			}
			out = append(out, fmt.Sprintf("%s imports %s, which only %s may", s.path, i, strings.Join(allowed, " and ")))
		}
	}
	return out
}

// areas are the files of package emulator that hold behaviours, and the ones
// that will.
func areas() []string {
	return []string{
		"oauth.go", "tp.go", "hosts.go", "apps.go", "packages.go", "decisions.go", "messages.go",
		"services.go", "usermessages.go", "messagetemplates.go", "templatelibrary.go", "templatemessages.go",
		"feeds.go", "login.go", "sessionkey.go", "swanid.go", "users.go", "userdata.go", "host.go", "payment.go",
		"payment_orders.go", "payment_refunds.go", "payment_bills.go", "payment_decisions.go",
	}
}

func checkAreas(all []source) []string {
	var out []string
	for _, s := range all {
		if s.folder() != "emulator" || !slices.Contains(areas(), s.name()) {
			continue
		}
		for _, i := range s.imports() {
			dependency, _ := inRoom(foreignHomes(), i)
			if i == "net/http" || strings.HasPrefix(dependency, "github.com/") {
				out = append(out, fmt.Sprintf("%s imports %s: a behaviour is func(*Call, In) (Out, error) and nothing more", s.path, i))
			}
		}
	}
	return out
}
