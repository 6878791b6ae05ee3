package store

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzReadFrames checks that the reader never panics, that what it calls whole
// is exactly what its inputs are written as, and that an input more can follow.
func FuzzReadFrames(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte(magic))
	f.Add([]byte("emulog2\n"))
	one := appendFrame([]byte(magic), []byte("one"))
	f.Add(one)
	f.Add(append(appendFrame(one, nil), 0, 0, 0))
	f.Add(append(bytes.Clone(one), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13))
	f.Fuzz(func(t *testing.T, data []byte) {
		inputs, whole, err := readFrames(data)
		if err != nil {
			var d *damage
			if !errors.As(err, &d) || d.offset > len(data) || inputs != nil {
				t.Fatalf("got %d inputs and %#v", len(inputs), err)
			}
			return
		}
		written := []byte(magic)
		for _, in := range inputs {
			written = appendFrame(written, in)
		}
		if whole == 0 && len(inputs) == 0 {
			return
		}
		if !bytes.Equal(written, data[:whole]) {
			t.Fatalf("%q reads as %q", data[:whole], inputs)
		}
		more, _, err := readFrames(appendFrame(bytes.Clone(data[:whole]), []byte("more")))
		if err != nil || len(more) != len(inputs)+1 {
			t.Fatalf("with one more: %d inputs, %v", len(more), err)
		}
	})
}

// FuzzFrames writes inputs, cuts the file anywhere and reads it: what comes
// back is a beginning of what was written.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("one,two,,four"), uint(20))
	f.Fuzz(func(t *testing.T, text []byte, cut uint) {
		inputs := bytes.Split(text, []byte(","))
		file := []byte(magic)
		for _, in := range inputs {
			file = appendFrame(file, in)
		}
		file = file[:int(cut%uint(len(file)+1))]
		got, whole, err := readFrames(file)
		if err != nil || whole > len(file) || len(got) > len(inputs) {
			t.Fatalf("%d of %d inputs, %d of %d bytes, %v", len(got), len(inputs), whole, len(file), err)
		}
		for i := range got {
			if !bytes.Equal(got[i], inputs[i]) {
				t.Fatalf("input %d is %q, want %q", i, got[i], inputs[i])
			}
		}
	})
}

func TestAppendAllocatesNothing(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	l := begin(t, s, "a", "1")
	input := bytes.Repeat([]byte("x"), 300)
	if n := testing.AllocsPerRun(200, func() {
		if err := l.Append(input); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for an input", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, o := range map[string]Options{"write": {}, "sync": {Sync: true}} {
		b.Run(name, func(b *testing.B) {
			l := begin(b, open(b, b.TempDir(), o), "a", "1")
			input := bytes.Repeat([]byte("x"), 300)
			b.SetBytes(int64(len(input)))
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Append(input); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	l := begin(b, s, "a", "1")
	input := bytes.Repeat([]byte("x"), 300)
	for range 100_000 {
		if err := l.Append(input); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(l.Size())
	for b.Loop() {
		if _, err := s.Load(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	snapshot := bytes.Repeat([]byte("x"), 10_000)
	for b.Loop() {
		if _, err := s.Open("a", snapshot); err != nil {
			b.Fatal(err)
		}
	}
}
