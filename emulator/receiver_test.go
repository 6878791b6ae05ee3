package emulator_test

// A third-party platform's message URL, written from what is published about
// pushes and from nothing of the emulator's, so that a mistake there is not
// repeated here.

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A receiver takes the pushes of any number of TPs, each under a path of its
// own.
type receiver struct {
	server *httptest.Server

	mu    sync.Mutex
	boxes map[string]*mailbox
}

// A mailbox is what one TP gets.
type mailbox struct {
	aesKey, token string
	id            int64
	// answer is what the next pushes are answered with; when it is used up the
	// answer is success.
	answer []string
	got    []letter
	faults []string
}

// A letter is one attempt of a push.
type letter struct {
	Payload  json.RawMessage
	At       time.Time // the TimeStamp
	Accepted bool
	Encrypt  string
	Nonce    string
}

// newReceiver returns a receiver that is gone when the test ends.
func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{boxes: map[string]*mailbox{}}
	r.server = httptest.NewServer(r)
	t.Cleanup(r.server.Close)
	return r
}

// open makes a mailbox and returns its URL.
func (r *receiver) open(name, aesKey, token string, tp int64) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.boxes["/"+name] = &mailbox{aesKey: aesKey, token: token, id: tp}
	return r.server.URL + "/" + name
}

// refuseNext makes the mailbox answer the next pushes with these texts.
func (r *receiver) refuseNext(name string, answers ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.boxes["/"+name]
	b.answer = append(b.answer, answers...)
}

// take returns what has come since it was last asked, and what was wrong with it.
func (r *receiver) take(name string) (got []letter, faults []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.boxes["/"+name]
	got, faults, b.got, b.faults = b.got, b.faults, nil, nil
	return got, faults
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.boxes[req.URL.Path]
	if b == nil || err != nil {
		http.Error(w, "no such mailbox", http.StatusNotFound)
		return
	}
	if req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/json" {
		b.faults = append(b.faults, req.Method+" with "+req.Header.Get("Content-Type"))
	}
	l, err := b.unseal(body)
	if err != nil {
		b.faults = append(b.faults, err.Error())
	}
	answer := "success"
	if len(b.answer) > 0 {
		answer, b.answer = b.answer[0], b.answer[1:]
	}
	l.Accepted = answer == "success"
	b.got = append(b.got, l)
	if status, err := strconv.Atoi(answer); err == nil {
		w.WriteHeader(status)
		return
	}
	_, _ = io.WriteString(w, answer)
}

var tenDigits = regexp.MustCompile(`^[0-9]{10}$`)

// unseal checks the signature of a push and decrypts it: AES-256-CBC, the key
// is the base64 of the EncodingAESKey and "=", the iv its first half.
func (b *mailbox) unseal(body []byte) (letter, error) {
	var wire map[string]string
	if err := json.Unmarshal(body, &wire); err != nil {
		return letter{}, fmt.Errorf("the body is no JSON object of texts: %w", err)
	}
	if len(wire) != 4 {
		return letter{}, fmt.Errorf("%d members, want Nonce, TimeStamp, Encrypt, MsgSignature", len(wire))
	}
	if wire["Nonce"] == "" || !tenDigits.MatchString(wire["TimeStamp"]) {
		return letter{}, errors.New("nonce or timestamp is not as it should be")
	}
	parts := []string{b.token, wire["TimeStamp"], wire["Nonce"], wire["Encrypt"]}
	sort.Strings(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	if hex.EncodeToString(sum[:]) != wire["MsgSignature"] {
		return letter{}, errors.New("the signature is wrong")
	}
	payload, err := decryptPush(b.aesKey, wire["Encrypt"], strconv.FormatInt(b.id, 10))
	seconds, _ := strconv.ParseInt(wire["TimeStamp"], 10, 64)
	return letter{Payload: payload, At: time.Unix(seconds, 0), Encrypt: wire["Encrypt"], Nonce: wire["Nonce"]}, err
}

// decryptPush returns the JSON in a sealed text and checks everything around it.
func decryptPush(aesKey, text, tp string) (json.RawMessage, error) {
	key, err := base64.StdEncoding.DecodeString(aesKey + "=")
	if err != nil || len(aesKey) != 43 || len(key) != 32 {
		return nil, errors.New("the EncodingAESKey is not 43 characters of base64")
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(sealed) == 0 || len(sealed)%32 != 0 {
		return nil, errors.New("Encrypt is no base64 of blocks of 32 bytes")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, key[:16]).CryptBlocks(plain, sealed)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > 32 || !bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, errors.New("the padding is not PKCS#7 to 32")
	}
	plain = plain[:len(plain)-pad]
	if len(plain) < 20 || !regexp.MustCompile(`^[A-Za-z0-9]{16}$`).Match(plain[:16]) {
		return nil, errors.New("the plaintext does not begin with 16 alphanumerics")
	}
	n := int(binary.BigEndian.Uint32(plain[16:20]))
	if n > len(plain)-20 {
		return nil, errors.New("the length goes beyond the plaintext")
	}
	if string(plain[20+n:]) != tp {
		return nil, errors.New("the plaintext does not end with the TP's id")
	}
	payload := plain[20 : 20+n]
	if !json.Valid(payload) {
		return nil, errors.New("the payload is no JSON")
	}
	return payload, nil
}
