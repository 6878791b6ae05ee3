package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" //nolint:gosec // the platform's choice
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Handler answers the platform at POST /push, and people at POST
// /ship?version=1.0.0.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /push", s.push)
	mux.HandleFunc("POST /ship", func(w http.ResponseWriter, r *http.Request) {
		if err := s.Upload(r.Context(), r.FormValue("version")); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	return mux
}

type message struct {
	Event  string `json:"event"`
	Reason string `json:"reason"`
}

// push takes one message of the platform. The bare text success takes it;
// anything else, and the platform sends it again, later and later: so nothing
// is taken before it is done.
func (s *Service) push(w http.ResponseWriter, r *http.Request) {
	m, err := s.open(r.Body)
	if err != nil {
		s.Report("not from the platform: " + err.Error())
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	if err := s.handle(r.Context(), m); err != nil {
		s.Report("will be sent again: " + err.Error())
		http.Error(w, "again", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "success") // whoever does not hear it sends it again
}

func (s *Service) handle(ctx context.Context, m message) error {
	switch m.Event {
	case "PACKAGE_AUDIT_PASS":
		return s.releaseApproved(ctx)
	case "PACKAGE_AUDIT_FAIL":
		s.Report("rejected: " + m.Reason)
	}
	return nil
}

// open checks who has signed a push, and decrypts it: AES-256-CBC, the key is
// the EncodingAESKey, the iv its first half. In it are 16 random bytes, the
// length of the message, the message, and the TP's id.
func (s *Service) open(body io.Reader) (m message, err error) {
	var sealed struct{ Nonce, TimeStamp, Encrypt, MsgSignature string }
	if err := json.NewDecoder(io.LimitReader(body, 1<<20)).Decode(&sealed); err != nil {
		return m, err
	}
	parts := []string{s.Token, sealed.TimeStamp, sealed.Nonce, sealed.Encrypt}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) //nolint:gosec // the platform's choice
	if subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(sealed.MsgSignature)) != 1 {
		return m, errors.New("the signature is wrong")
	}
	text, err := base64.StdEncoding.DecodeString(sealed.Encrypt)
	if err != nil || len(text) == 0 || len(text)%aes.BlockSize != 0 {
		return m, errors.New("the message is no base64 of whole blocks")
	}
	key, err := base64.StdEncoding.DecodeString(s.AESKey + "=")
	if err != nil {
		return m, errors.New("the EncodingAESKey is no base64")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return m, err
	}
	cipher.NewCBCDecrypter(block, key[:aes.BlockSize]).CryptBlocks(text, text)
	const head = 16 + 4
	if pad := int(text[len(text)-1]); pad <= 32 && pad+head <= len(text) {
		text = text[:len(text)-pad]
	}
	if len(text) < head {
		return m, errors.New("the message is too short")
	}
	end := head + int(binary.BigEndian.Uint32(text[16:head]))
	if end > len(text) || string(text[end:]) != strconv.FormatInt(s.TPID, 10) {
		return m, errors.New("the message is for another TP")
	}
	err = json.Unmarshal(text[head:end], &m)
	return m, err
}
