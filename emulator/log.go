package emulator

// Store keeps what must outlive the process: of each sandbox the last
// snapshot and the inputs applied since. The state of a sandbox is what one
// gets by restoring the snapshot and applying the inputs in order.
//
// The methods are safe for concurrent use. Package emulator/store keeps
// sandboxes in files; without a Store they live in memory only.
type Store interface {
	// Load returns every sandbox kept, in order of name: its last snapshot and
	// the inputs logged after it. It is meant to be called once, before the
	// first Open. An input whose writing a crash cut short is left out;
	// anything else that cannot be read is an error.
	Load() ([]Saved, error)

	// Open begins a new generation for one sandbox: it writes the snapshot
	// atomically and then returns an empty log to append to. A crash at any
	// moment leaves either the generation before or this one. The log that was
	// open for the sandbox refuses inputs from then on, so that none goes to a
	// generation that is no longer read: take the snapshot and call Open under
	// one lock. After an error the log before is still the one to use, unless
	// it refuses inputs too.
	Open(name string, snapshot []byte) (Log, error)

	// Delete forgets a sandbox for good and closes its log. Deleting one that
	// is not kept is not an error.
	Delete(name string) error

	// Close closes the logs that are open and gives the place up for another
	// process. Closing twice is not an error.
	Close() error
}

// Saved is one sandbox as a Store kept it.
type Saved struct {
	// Name is the name it was opened with.
	Name string
	// Snapshot is the state at the beginning of the generation.
	Snapshot []byte
	// Inputs are the inputs appended since, in order.
	Inputs [][]byte
}

// Log takes the inputs of one sandbox that change it, in order.
type Log interface {
	// Append adds one input. When it returns nil the input survives the end of
	// the process; whether it survives the end of the machine is a setting of
	// the Store. It does not keep the slice.
	Append(input []byte) error

	// Size is the number of bytes appended in this generation, framing
	// included; 0 after Open. It says when a new snapshot is worth its price.
	Size() int64

	// Close ends appending. What was appended stays. Closing twice is not an
	// error.
	Close() error
}
