package main

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

func TestCutShortCode(t *testing.T) {
	for sig, want := range map[os.Signal]int{os.Interrupt: 130, syscall.SIGTERM: 143} {
		var e *exitError
		if err := cutShort(sig); !errors.As(err, &e) || e.code != want {
			t.Errorf("%s: error %v, want one that asks for code %d", sig, err, want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"listen", "kafka-listen", "log-level"}
	for name, want := range map[string]string{
		"listen":        "; did you mean --listen?",
		"lsten":         "; did you mean --listen?",
		"kafka_listen":  "; did you mean --kafka-listen?",
		"kafkalistener": "; did you mean --kafka-listen?",
		"":              "",
		"x":             "",
		"something":     "",
	} {
		if got := didYouMean("--", name, known); got != want {
			t.Errorf("didYouMean(%q) = %q, want %q", name, got, want)
		}
	}
}
