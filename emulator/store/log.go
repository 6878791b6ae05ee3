package store

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
)

// keptBuffer is the largest frame whose memory a log keeps for the next one,
// in bytes.
const keptBuffer = 1 << 20

// logFile is the log of one generation of one sandbox. It implements
// emulator.Log.
type logFile struct {
	// name is the sandbox's, for messages.
	name string
	sync bool
	size atomic.Int64

	// mu guards the fields below it.
	mu   sync.Mutex
	file *os.File // nil when closed
	buf  []byte   // the last frame
	err  error    // why the log takes no more inputs
}

// createLog makes the file of an empty log; there must be none.
func createLog(path, name string, syncAppends bool) (*logFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteString(magic); err != nil {
		return nil, discard(f, err)
	}
	return &logFile{name: name, sync: syncAppends, file: f}, nil
}

// discard closes and removes a file that could not be finished and returns the
// error that was the reason.
func discard(f *os.File, reason error) error {
	_ = f.Close()
	_ = os.Remove(f.Name())
	return reason
}

// Append writes the frame of one input with one system call. If that fails,
// what was written of it is taken back, and the log stays usable; if even that
// fails, or the file cannot be synced, the log takes no more inputs.
func (l *logFile) Append(input []byte) error {
	if len(input) > maxInput {
		return fmt.Errorf("log of sandbox %q: an input of %d bytes, want at most %d", l.name, len(input), maxInput)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.buf = appendFrame(l.buf[:0], input)
	n, err := l.file.Write(l.buf)
	if cap(l.buf) > keptBuffer {
		l.buf = nil
	}
	if err != nil {
		return l.takeBackLocked(n, err)
	}
	if l.sync {
		if err := l.file.Sync(); err != nil {
			return l.failLocked(fmt.Errorf("log of sandbox %q: sync: %w", l.name, err))
		}
	}
	l.size.Add(int64(n))
	return nil
}

// takeBackLocked cuts the n bytes off that were written of a frame.
func (l *logFile) takeBackLocked(n int, reason error) error {
	reason = fmt.Errorf("log of sandbox %q: append: %w", l.name, reason)
	if n > 0 {
		if err := l.file.Truncate(int64(len(magic)) + l.size.Load()); err != nil {
			return l.failLocked(fmt.Errorf("%w; and then: %w", reason, err))
		}
	}
	return reason
}

// failLocked closes the log for the reason given, which it returns, now and
// from every later Append.
func (l *logFile) failLocked(reason error) error {
	l.err = reason
	_ = l.file.Close()
	l.file, l.buf = nil, nil
	return reason
}

// Size returns the bytes of the frames appended.
func (l *logFile) Size() int64 { return l.size.Load() }

// Close closes the file; Append then returns an error that is fs.ErrClosed.
func (l *logFile) Close() error {
	return l.closeFor(fmt.Errorf("log of sandbox %q: %w", l.name, fs.ErrClosed))
}

// closeFor closes the file; Append then returns the reason.
func (l *logFile) closeFor(reason error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file, l.buf, l.err = nil, nil, reason
	return err
}
