package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A log file is the magic, then one frame per input:
//
//	offset 0  length of the payload, 4 bytes little endian
//	       4  CRC-32C of those 4 bytes, little endian
//	       8  CRC-32C of the payload, little endian
//	      12  payload
//
// The length has a checksum of its own: without it, a damaged length in the
// middle would look like a frame that reaches past the end of the file, and
// everything behind it would be taken for a torn tail and lost in silence.
const (
	// magic begins a log file and names the version of the format.
	magic = "emulog1\n"
	// headerLen is the size of a frame before its payload, in bytes.
	headerLen = 12
	// maxInput bounds one input, in bytes.
	maxInput = 1 << 30
)

// checksum is the CRC-32C of b, for which processors have an instruction.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// appendFrame appends the frame of one input.
func appendFrame(dst, input []byte) []byte {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(input))) //nolint:gosec // at most maxInput
	dst = binary.LittleEndian.AppendUint32(dst, checksum(dst[at:at+4]))
	dst = binary.LittleEndian.AppendUint32(dst, checksum(input))
	return append(dst, input...)
}

// damage is a log that cannot have become what it is by a crash while its last
// frame was written.
type damage struct {
	// offset is where in the file, in bytes.
	offset int
	// what is wrong there.
	what string
}

// Error names the offset and what is wrong there.
func (d *damage) Error() string { return fmt.Sprintf("offset %d: %s", d.offset, d.what) }

// readFrames returns the inputs of a log file, which share data's memory, and
// the length of the part that is whole. What follows it is a torn tail, the
// remains of a frame whose writing was cut short: a part of one, one whose
// payload did not reach the disk, or zeros. Anything else is damage.
func readFrames(data []byte) (inputs [][]byte, whole int, err error) {
	if len(data) < len(magic) {
		if magic[:len(data)] == string(data) || allZero(data) {
			return nil, 0, nil
		}
		return nil, 0, &damage{0, "not a log of this version"}
	}
	if string(data[:len(magic)]) != magic {
		if allZero(data) {
			return nil, 0, nil
		}
		return nil, 0, &damage{0, "not a log of this version"}
	}
	at := len(magic)
	for {
		rest := data[at:]
		if len(rest) < headerLen {
			return inputs, at, nil
		}
		length := binary.LittleEndian.Uint32(rest)
		if checksum(rest[:4]) != binary.LittleEndian.Uint32(rest[4:]) || length > maxInput {
			if allZero(rest) {
				return inputs, at, nil
			}
			return nil, at, &damage{at, "the length of an input is damaged"}
		}
		size := int(length)
		if len(rest)-headerLen < size {
			return inputs, at, nil
		}
		end := headerLen + size
		input := rest[headerLen:end:end]
		if checksum(input) != binary.LittleEndian.Uint32(rest[8:]) {
			if len(rest) == end {
				return inputs, at, nil
			}
			return nil, at, &damage{at, "an input does not match its checksum"}
		}
		inputs = append(inputs, input)
		at += end
	}
}

// allZero reports whether b has no byte but 0.
func allZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }
