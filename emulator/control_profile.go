package emulator

import (
	"bytes"
	"net/http"
	"runtime/pprof"
	"time"

	"github.com/swanemu/emu/internal/clock"
)

// How the process itself does: what it counts, and, where it was started with
// leave to, profiles in pprof's format for go tool pprof. A profile shows the
// program, never a request. The command line, which pprof's own handlers show,
// may hold a token and is left out.

// mediaMetrics is Prometheus' text format.
const mediaMetrics = "text/plain; version=0.0.4; charset=utf-8"

// cpuProfile is the profile that takes time, and cpuSeconds how much if nobody
// says; the contract has the limit.
const (
	cpuProfile = "cpu"
	cpuSeconds = 10
)

// getMetrics answers with what is counted.
func getMetrics(c *controlCall, _ None) (controlAnswer, error) {
	return controlAnswer{status: http.StatusOK, mediaType: mediaMetrics, body: c.e.expose()}, nil
}

type profileIn struct {
	Profile string `json:"profile"`
	Seconds int    `json:"seconds"`
}

// getProfile answers with a profile of the process.
func getProfile(c *controlCall, in profileIn) (controlAnswer, error) {
	if !c.e.opt.Profiles {
		return controlAnswer{}, &controlProblem{
			Status: http.StatusForbidden, Detail: "profiles are off; start the emulator with --pprof (EMU_PPROF, Options.Profiles)",
		}
	}
	var out bytes.Buffer
	if in.Profile != cpuProfile {
		if in.Seconds != 0 {
			return controlAnswer{}, badRequest("/seconds", "only the cpu profile takes seconds; "+in.Profile+" is of the moment")
		}
		if err := pprof.Lookup(in.Profile).WriteTo(&out, 0); err != nil {
			return controlAnswer{}, err
		}
	} else {
		if in.Seconds == 0 {
			in.Seconds = cpuSeconds
		}
		if err := pprof.StartCPUProfile(&out); err != nil {
			return controlAnswer{}, conflict("", "a cpu profile is being taken already; ask again when it is done")
		}
		err := clock.Wait(c.ctx, time.Duration(in.Seconds)*time.Second)
		pprof.StopCPUProfile()
		if err != nil {
			// The caller is gone, or the emulator stops.
			return controlAnswer{}, &controlProblem{Status: http.StatusServiceUnavailable, Detail: "the profile was cut short: " + err.Error()}
		}
	}
	return controlAnswer{status: http.StatusOK, mediaType: mediaBytes, body: out.Bytes()}, nil
}
