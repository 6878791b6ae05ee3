package store

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

const (
	// folderPrefix begins the folder of a sandbox. What in the directory has
	// another name is none of ours.
	folderPrefix = "sandbox-"
	// deletedPrefix begins a folder that is being deleted.
	deletedPrefix = "deleted-"
	// maxFolder is the longest name of a folder, in bytes.
	maxFolder = 255

	snapshotPrefix, snapshotSuffix = "snapshot-", ".json"
	logPrefix                      = "log-"
	tempSuffix                     = ".tmp"
)

// folderOf returns the name of a sandbox's folder: lower-case letters, digits,
// "-" and "_" stand for themselves, every other byte is % and two digits. So
// no two names meet on a file system that does not tell cases apart, and none
// is a path.
func folderOf(name string) (string, error) {
	var b strings.Builder
	b.WriteString(folderPrefix)
	for i := range len(name) {
		c := name[i]
		if plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteString(hex.EncodeToString([]byte{c}))
		}
	}
	if n := b.Len(); n > maxFolder {
		return "", fmt.Errorf("sandbox name: %d bytes as the name of a folder, want at most %d", n, maxFolder)
	}
	return b.String(), nil
}

// nameOf returns the sandbox whose folder has this name; false when it is not
// one that folderOf makes.
func nameOf(folder string) (string, bool) {
	text, ok := strings.CutPrefix(folder, folderPrefix)
	if !ok {
		return "", false
	}
	var name []byte
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			name = append(name, text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", false
		}
		c, err := hex.DecodeString(text[i+1 : i+3])
		if err != nil {
			return "", false
		}
		name = append(name, c...)
		i += 2
	}
	back, err := folderOf(string(name))
	return string(name), err == nil && back == folder
}

// plain reports whether a byte of a name stands for itself.
func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// snapshotName and logName are the files of a generation.
func snapshotName(gen uint64) string {
	return snapshotPrefix + strconv.FormatUint(gen, 10) + snapshotSuffix
}

func logName(gen uint64) string { return logPrefix + strconv.FormatUint(gen, 10) }

// generationOf returns which generation a file belongs to, and whether it is
// that one's snapshot; false when it is not a file of ours.
func generationOf(file string) (gen uint64, snapshot, ok bool) {
	text, isLog := strings.CutPrefix(file, logPrefix)
	if !isLog {
		if text, snapshot = strings.CutPrefix(file, snapshotPrefix); !snapshot {
			return 0, false, false
		}
		if text, ok = strings.CutSuffix(text, snapshotSuffix); !ok {
			return 0, false, false
		}
	}
	gen, err := strconv.ParseUint(text, 10, 64)
	if err != nil || strconv.FormatUint(gen, 10) != text {
		return 0, false, false
	}
	return gen, snapshot, true
}
