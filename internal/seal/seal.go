// Package seal makes and opens the sealed messages of the platform, and signs
// them: the pushes to third-party platforms and the user data that a mini
// program hands to its server. It signs payments too, and checks what merchants
// sign: SHA-1 with RSA. The messages are AES in CBC mode around one frame,
//
//	16 random bytes | length of the message, 4 bytes big endian | message | id
//
// padded as PKCS#7 does and written in base64. They differ in the key, the
// initialisation vector, the id that ends the frame (the third-party
// platform's number in a push, the AppKey in user data) and the block the
// padding fills.
//
// It promises: what Seal makes, Open opens, and what Sign signs, Verify
// accepts; neither panics, whatever it is given; no error and no printed value
// shows a key. It reads neither clock nor random source: random bytes, nonces
// and timestamps are arguments.
//
// The messages carry no authentication: CBC with a checked padding tells apart
// a wrong key and a damaged text most of the time, not always. The platform
// signs pushes for that reason, and so does Push.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

const (
	// encodingKeyLen is the length of an EncodingAESKey, in characters.
	encodingKeyLen = 43
	// sessionKeyLen is the length of a session key, in characters.
	sessionKeyLen = 32
	// pushPad is the block that the padding of a push fills, in bytes.
	pushPad = 32
	// maxPad is the largest padding that Open accepts, in bytes.
	maxPad = 32
	// frameLen is the part of the frame before the message, in bytes.
	frameLen = 16 + 4
)

// Cipher seals and opens messages under one key. Make one with PushCipher or
// UserDataCipher; the zero Cipher opens nothing and must not seal. It is a
// small value, safe for concurrent use, and shows nothing of its key when
// printed.
type Cipher struct {
	// keyed returns what the Cipher works with. It is a function because
	// package fmt looks through everything else, unexported fields and
	// pointers included.
	keyed func() *keyed
}

// keyed is a key that is ready for use.
type keyed struct {
	block cipher.Block
	iv    [aes.BlockSize]byte
	pad   int
}

// String says that there is a key and not what it is.
func (Cipher) String() string { return "seal.Cipher(redacted)" }

// GoString is String, for the verb %#v.
func (c Cipher) GoString() string { return c.String() }

// PushCipher returns the cipher of the pushes to the third-party platform that
// has this EncodingAESKey: 43 characters of base64 which, with "=" appended,
// are the 32 bytes of an AES-256 key. The first 16 bytes of the key are the
// initialisation vector; the padding fills blocks of 32 bytes.
//
// A key of another length or with a character outside of base64 is an error.
// The two bits that the last character has in excess are ignored, as key
// generators that draw 43 letters and digits set them.
func PushCipher(encodingAESKey string) (Cipher, error) {
	if n := len(encodingAESKey); n != encodingKeyLen {
		return Cipher{}, fmt.Errorf("EncodingAESKey: %d characters, want %d", n, encodingKeyLen)
	}
	key, err := decode64(base64.StdEncoding, encodingAESKey+"=")
	if err != nil {
		return Cipher{}, fmt.Errorf("EncodingAESKey: %w", err)
	}
	c, err := newCipher(key, key[:aes.BlockSize], pushPad)
	if err != nil {
		return Cipher{}, fmt.Errorf("EncodingAESKey: %w", err)
	}
	return c, nil
}

// UserDataCipher returns the cipher of a user's data under one session: AES-192
// whose key is the session key, 32 hexadecimal characters, decoded as base64
// (not as hexadecimal) to 24 bytes, and whose initialisation vector is the
// base64 of 16 bytes. The padding fills blocks of the size given, 16 as the
// platform was observed to do or 32 as one of its documents shows; Open does
// not depend on it.
func UserDataCipher(sessionKey, iv string, block int) (Cipher, error) {
	if block != 16 && block != 32 {
		return Cipher{}, fmt.Errorf("padding block: %d bytes, want 16 or 32", block)
	}
	key, err := userDataKey(sessionKey)
	if err != nil {
		return Cipher{}, err
	}
	vector, err := decode64(base64.StdEncoding, iv)
	if err != nil {
		return Cipher{}, fmt.Errorf("iv: %w", err)
	}
	if n := len(vector); n != aes.BlockSize {
		return Cipher{}, fmt.Errorf("iv: base64 of %d bytes, want %d", n, aes.BlockSize)
	}
	c, err := newCipher(key, vector, block)
	if err != nil {
		return Cipher{}, fmt.Errorf("session key: %w", err)
	}
	return c, nil
}

// UserDataIV returns the initialisation vector that the platform gives a user's
// data with, as the published samples have it: the base64 of the first 16 bytes
// of the key. The errors are those of UserDataCipher for a session key.
func UserDataIV(sessionKey string) (string, error) {
	key, err := userDataKey(sessionKey)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(key[:aes.BlockSize]), nil
}

// userDataKey is a session key as the 24 bytes of an AES-192 key.
func userDataKey(sessionKey string) ([]byte, error) {
	if n := len(sessionKey); n != sessionKeyLen {
		return nil, fmt.Errorf("session key: %d characters, want %d", n, sessionKeyLen)
	}
	for i := range len(sessionKey) {
		if !isHex(sessionKey[i]) {
			return nil, fmt.Errorf("session key: character %d is not a hexadecimal digit", i+1)
		}
	}
	key, err := decode64(base64.StdEncoding, sessionKey)
	if err != nil {
		return nil, fmt.Errorf("session key: %w", err)
	}
	return key, nil
}

// newCipher builds a Cipher from decoded parts; iv has 16 bytes.
func newCipher(key, iv []byte, pad int) (Cipher, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return Cipher{}, fmt.Errorf("%d bytes do not make an AES key", len(key))
	}
	k := &keyed{block: block, iv: [aes.BlockSize]byte(iv), pad: pad}
	return Cipher{keyed: func() *keyed { return k }}, nil
}

// Seal returns the base64 of the encrypted frame of the random bytes, the
// message and the id. The same arguments give the same text. The platform
// fills random with letters and digits; receivers throw it away.
func (c Cipher) Seal(random [16]byte, message []byte, id string) string {
	k := c.keyed()
	plain := frameLen + len(message) + len(id)
	padding := k.pad - plain%k.pad
	frame := make([]byte, 0, plain+padding)
	frame = append(frame, random[:]...)
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(message))) //nolint:gosec // a message of 4 GiB does not exist here
	frame = append(frame, message...)
	frame = append(frame, id...)
	for range padding {
		frame = append(frame, byte(padding))
	}
	cipher.NewCBCEncrypter(k.block, k.iv[:]).CryptBlocks(frame, frame)
	return base64.StdEncoding.EncodeToString(frame)
}

// Open returns the message and the id in a sealed text. It accepts a padding
// of 1 to 32 bytes, whichever block the sender filled, and nothing that is not
// exactly a frame: base64 without line breaks, whole AES blocks, padding bytes
// that all say the same, a length that fits. The error names the first of
// these that does not hold; a wrong key usually shows as a wrong padding.
//
// Whether the id is the expected one is the caller's to check.
func (c Cipher) Open(text string) (message []byte, id string, err error) {
	if c.keyed == nil {
		return nil, "", errors.New("sealed message: no key to open it with")
	}
	frame, err := decode64(base64.StdEncoding.Strict(), text)
	if err != nil {
		return nil, "", fmt.Errorf("sealed message: %w", err)
	}
	if n := len(frame); n == 0 || n%aes.BlockSize != 0 {
		return nil, "", fmt.Errorf("sealed message: %d bytes, want a multiple of %d", n, aes.BlockSize)
	}
	k := c.keyed()
	cipher.NewCBCDecrypter(k.block, k.iv[:]).CryptBlocks(frame, frame)
	if frame, err = unpad(frame); err != nil {
		return nil, "", fmt.Errorf("sealed message: %w", err)
	}
	if n := len(frame); n < frameLen {
		return nil, "", fmt.Errorf("sealed message: %d bytes without padding, want at least %d", n, frameLen)
	}
	size, rest := binary.BigEndian.Uint32(frame[16:frameLen]), frame[frameLen:]
	if uint64(size) > uint64(len(rest)) {
		return nil, "", fmt.Errorf("sealed message: says its message has %d bytes, %d follow", size, len(rest))
	}
	return rest[:size:size], string(rest[size:]), nil
}

// unpad cuts the padding off a decrypted frame of at least one byte.
func unpad(frame []byte) ([]byte, error) {
	last := frame[len(frame)-1]
	padding := int(last)
	if padding < 1 || padding > maxPad || padding > len(frame) {
		return nil, fmt.Errorf("padding: last byte is no count of 1 to %d (is it another key?)", min(maxPad, len(frame)))
	}
	body, tail := frame[:len(frame)-padding], frame[len(frame)-padding:]
	for _, b := range tail {
		if b != last {
			return nil, errors.New("padding: bytes differ (is it another key?)")
		}
	}
	return body, nil
}

// decode64 decodes base64, refusing the line breaks that encoding/base64
// skips. Its error shows the position and never the text.
func decode64(enc *base64.Encoding, text string) ([]byte, error) {
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		return nil, fmt.Errorf("not base64: line break at character %d", i+1)
	}
	b, err := enc.DecodeString(text)
	if err != nil {
		var at base64.CorruptInputError
		if errors.As(err, &at) {
			return nil, fmt.Errorf("not base64 from character %d on", int64(at)+1)
		}
		return nil, errors.New("not base64")
	}
	return b, nil
}

// isHex reports whether b is a hexadecimal digit of either case.
func isHex(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F'
}
