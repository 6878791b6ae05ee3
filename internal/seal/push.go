package seal

import (
	"crypto/sha1" //nolint:gosec // the platform's choice
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Signature returns what the platform signs a push with: the SHA-1, in lower
// case hexadecimal, of the four texts sorted as bytes and joined without
// anything between them.
func Signature(token, timestamp, nonce, encrypt string) string {
	return sortedSHA1(token, timestamp, nonce, encrypt)
}

// URLSignature returns what the platform signs the check of a receiver's
// address with: Signature without a sealed text.
func URLSignature(token, timestamp, nonce string) string {
	return sortedSHA1(token, timestamp, nonce)
}

// sortedSHA1 is the digest behind both signatures.
func sortedSHA1(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) //nolint:gosec // the platform's choice
	return hex.EncodeToString(sum[:])
}

// Push is the body of an encrypted push, a JSON object with exactly these four
// members.
type Push struct {
	// Nonce is a random number in decimal digits.
	Nonce string `json:"Nonce"`
	// TimeStamp is in seconds since 1970, in decimal digits. The platform
	// writes it as a JSON string; a JSON number is understood as well.
	TimeStamp string `json:"TimeStamp"`
	// Encrypt is the sealed message.
	Encrypt string `json:"Encrypt"`
	// MsgSignature is the Signature of the receiver's token and the other
	// three members.
	MsgSignature string `json:"MsgSignature"`
}

// Push seals a message and signs it with the receiver's token. id is the
// third-party platform's number in decimal digits.
func (c Cipher) Push(token, timestamp, nonce string, random [16]byte, message []byte, id string) Push {
	encrypt := c.Seal(random, message, id)
	return Push{
		Nonce: nonce, TimeStamp: timestamp, Encrypt: encrypt,
		MsgSignature: Signature(token, timestamp, nonce, encrypt),
	}
}

// Open checks the signature with the receiver's token and returns the message
// and the id. It is the receiver's side of Cipher.Push.
func (p Push) Open(c Cipher, token string) (message []byte, id string, err error) {
	want := Signature(token, p.TimeStamp, p.Nonce, p.Encrypt)
	if subtle.ConstantTimeCompare([]byte(want), []byte(p.MsgSignature)) != 1 {
		return nil, "", errors.New("push: MsgSignature is not the signature of this token and this push")
	}
	message, id, err = c.Open(p.Encrypt)
	if err != nil {
		return nil, "", fmt.Errorf("push: Encrypt: %w", err)
	}
	return message, id, nil
}

// UnmarshalJSON reads a push whose TimeStamp is a string or a number.
func (p *Push) UnmarshalJSON(data []byte) error {
	type plain Push
	wire := struct {
		*plain
		TimeStamp stamp `json:"TimeStamp"`
	}{plain: (*plain)(p)}
	if err := json.Unmarshal(data, &wire); err != nil {
		return fmt.Errorf("push: %w", err)
	}
	p.TimeStamp = string(wire.TimeStamp)
	return nil
}

// stamp is the text of a JSON string or number.
type stamp string

// UnmarshalJSON keeps a number as it is written.
func (s *stamp) UnmarshalJSON(data []byte) error {
	var number json.Number
	if data[0] != '"' {
		if err := json.Unmarshal(data, &number); err != nil {
			return errors.New("TimeStamp is neither a string nor a number")
		}
		*s = stamp(number)
		return nil
	}
	return json.Unmarshal(data, (*string)(s))
}
