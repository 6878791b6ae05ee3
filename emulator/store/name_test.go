package store

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestNamesAreKeptApart(t *testing.T) {
	all := []string{
		"", "%", "%41", ".", "..", "../up", "/", "A", "B", "\x00", "a", "a b", "a.b", "a/b", "aux", "deleted-a", "lock", "sandbox-a", "中文", "\xff",
	}
	dir := t.TempDir()
	s := open(t, dir, Options{})
	slices.Sort(all)
	var want []string
	for _, name := range all {
		add(t, begin(t, s, name, "1"), name)
		folder, err := folderOf(name)
		if back, ok := nameOf(folder); err != nil || !ok || back != name {
			t.Errorf("%q comes back as %q, %v from %s, %v", name, back, ok, folder, err)
		}
		if filepath.Base(folder) != folder || strings.ToLower(folder) != folder {
			t.Errorf("%q is kept in %q", name, folder)
		}
		want = append(want, fmt.Sprintf("%s: 1 %q", name, []string{name}))
	}
	check(t, s, want...)
	if _, err := s.Open(strings.Repeat("中", 30), nil); err == nil || !strings.Contains(err.Error(), "278 bytes as the name of a folder, want at most 255") {
		t.Errorf("a long name: %v", err)
	}
	for _, folder := range []string{"lock", "sandbox", "sandbox-A", "sandbox-%4", "sandbox-%4A", "sandbox-%61", "sandbox-%zz", "sandbox-a b", "deleted-a"} {
		if name, ok := nameOf(folder); ok {
			t.Errorf("%q is taken for the folder of %q", folder, name)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("default")
	f.Add("../A b%41")
	f.Fuzz(func(t *testing.T, name string) {
		folder, err := folderOf(name)
		if err != nil {
			return
		}
		if back, ok := nameOf(folder); !ok || back != name || filepath.Base(folder) != folder {
			t.Errorf("%q is kept in %q and comes back as %q, %v", name, folder, back, ok)
		}
		if back, ok := nameOf(name); ok {
			if again, err := folderOf(back); err != nil || again != name {
				t.Errorf("folder %q is of %q, which is kept in %q, %v", name, back, again, err)
			}
		}
	})
}
