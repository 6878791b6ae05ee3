package emulator

import (
	"hash/fnv"
	"math/rand/v2"
)

// A random is the only source of chance in a sandbox. Each draw has a name of
// its own (what for, which one), so that the order in which things happen to
// be asked never changes what they get.
type random struct{ *rand.Rand }

// drawFor returns the source for one purpose: the same seed, sandbox, purpose
// and number give the same source.
func drawFor(seed uint64, sandbox, purpose string, n int64) random {
	h := fnv.New64a()
	h.Write([]byte(sandbox))
	h.Write([]byte{0})
	h.Write([]byte(purpose))
	return random{rand.New(rand.NewPCG(seed^h.Sum64(), uint64(n)))}
}

const (
	hexDigits = "0123456789abcdef"
	alnum     = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

func (r random) text(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// hex returns n hexadecimal digits.
func (r random) hex(n int) string { return r.text(hexDigits, n) }

// alnum returns n letters and digits.
func (r random) alnum(n int) string { return r.text(alnum, n) }

// between returns a number from low to high, both included.
func (r random) between(low, high int64) int64 { return low + r.Int64N(high-low+1) }
