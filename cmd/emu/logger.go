package main

import (
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/lmittmann/tint"
)

// logger writes to w as the settings say: for people on a terminal, JSON
// elsewhere.
func (s *settings) logger(w io.Writer, env []string) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		level = slog.LevelInfo // not reached: finish checked the level
	}
	if s.Quiet && !s.from.given("log-level") {
		level = slog.LevelWarn
	}
	if s.LogFormat == "json" || s.LogFormat == "auto" && !terminal(w) {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{
		Level:      level,
		TimeFormat: "15:04:05.000",
		NoColor:    !colourful(w, env),
	}))
}

// terminal tells whether w is a terminal.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// colourful tells whether escape sequences are welcome: on a terminal, unless
// NO_COLOR is set or the terminal is a dumb one.
func colourful(w io.Writer, env []string) bool {
	unwanted := func(entry string) bool {
		return strings.HasPrefix(entry, "NO_COLOR=") && entry != "NO_COLOR=" || entry == "TERM=dumb"
	}
	return terminal(w) && !slices.ContainsFunc(env, unwanted)
}
