package kafka

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kgoLogger hands the client's messages to slog. The client retries by itself
// and calls that a warning or an error each time; what fails in the end comes
// back as an error of Publish. So its messages are of use to somebody who
// looks into trouble, and go out one level lower.
type kgoLogger struct{ to *slog.Logger }

func clientLogger(to *slog.Logger) kgo.Logger {
	if to == nil {
		to = slog.New(slog.DiscardHandler)
	}
	return kgoLogger{to.With("component", "kafka")}
}

func (l kgoLogger) Level() kgo.LogLevel {
	ctx := context.Background()
	switch {
	case l.to.Enabled(ctx, slog.LevelDebug):
		return kgo.LogLevelInfo
	case l.to.Enabled(ctx, slog.LevelInfo):
		return kgo.LogLevelWarn
	case l.to.Enabled(ctx, slog.LevelWarn):
		return kgo.LogLevelError
	}
	return kgo.LogLevelNone
}

func (l kgoLogger) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	at := slog.LevelDebug
	switch level {
	case kgo.LogLevelError:
		at = slog.LevelWarn
	case kgo.LogLevelWarn:
		at = slog.LevelInfo
	}
	l.to.Log(context.Background(), at, msg, keyvals...)
}

// kfakeLogger hands the embedded broker's messages to slog.
type kfakeLogger struct{ to *slog.Logger }

func brokerLogger(to *slog.Logger) kfake.Logger {
	if to == nil {
		to = slog.New(slog.DiscardHandler)
	}
	return kfakeLogger{to.With("component", "kafka-broker")}
}

func (l kfakeLogger) Logf(level kfake.LogLevel, format string, args ...any) {
	at := slog.LevelDebug
	switch level {
	case kfake.LogLevelError:
		at = slog.LevelError
	case kfake.LogLevelWarn:
		at = slog.LevelWarn
	}
	if ctx := context.Background(); l.to.Enabled(ctx, at) {
		l.to.Log(ctx, at, fmt.Sprintf(format, args...))
	}
}
