package seal

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the platform's choice
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	// minPayKey and maxPayKey bound the keys of payments, in bits. The
	// platform's documents make keys of 1024.
	minPayKey = 1024
	maxPayKey = 8192
)

// PayText returns what the signature of a payment is made over: the parameters
// as name=value, sorted by name as bytes and joined with &. Values stand as
// they are, not escaped; empty ones take part. The parameters rsaSign, sign and
// sign_type do not.
func PayText(params map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(params)) {
		switch name {
		case "rsaSign", "sign", "sign_type":
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(params[name])
	}
	return b.String()
}

// A PaySigner signs payments with a private key. Make one with ParsePaySigner;
// the zero PaySigner signs nothing. It is a small value, safe for concurrent
// use, and shows nothing of its key when printed.
type PaySigner struct {
	// key is a function for the reason that Cipher's is.
	key    func() *rsa.PrivateKey
	public string
}

// String says that there is a key and not what it is.
func (PaySigner) String() string { return "seal.PaySigner(redacted)" }

// GoString is String, for the verb %#v.
func (s PaySigner) GoString() string { return s.String() }

// ParsePaySigner reads an RSA private key of 1024 to 8192 bits: PEM in the form
// of PKCS#1 or PKCS#8, or the base64 of either without the lines around it, as
// the platform's documents keep it for Java. The error shows nothing of the
// key.
func ParsePaySigner(text string) (PaySigner, error) {
	der, err := payDER(text)
	if err != nil {
		return PaySigner{}, fmt.Errorf("private key: %w", err)
	}
	key, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		other, _ := x509.ParsePKCS8PrivateKey(der)
		var ok bool
		if key, ok = other.(*rsa.PrivateKey); !ok {
			return PaySigner{}, errors.New("private key: want an RSA key in the form of PKCS#1 or PKCS#8")
		}
	}
	if err := checkPayKey(&key.PublicKey); err != nil {
		return PaySigner{}, fmt.Errorf("private key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return PaySigner{}, fmt.Errorf("private key: %w", err)
	}
	return PaySigner{
		key: func() *rsa.PrivateKey { return key }, public: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
	}, nil
}

// Sign returns the rsaSign of a payment: the signature of PayText, SHA-1 with
// RSA as PKCS#1 v1.5 says, in base64. The same parameters have the same
// signature.
func (s PaySigner) Sign(params map[string]string) (string, error) {
	if s.key == nil {
		return "", errors.New("sign a payment: no key to sign it with")
	}
	sum := sha1.Sum([]byte(PayText(params))) //nolint:gosec // the platform's choice
	signature, err := rsa.SignPKCS1v15(nil, s.key(), crypto.SHA1, sum[:])
	if err != nil {
		return "", errors.New("sign a payment: the key is none that can sign")
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

// Public returns the key that checks what the PaySigner signs, as PEM in the
// form of PKIX; "" for the zero PaySigner.
func (s PaySigner) Public() string { return s.public }

// A PayVerifier checks the signatures of payments with a public key. Make one
// with ParsePayVerifier; the zero PayVerifier accepts nothing. It is safe for
// concurrent use.
type PayVerifier struct{ key *rsa.PublicKey }

// ParsePayVerifier reads an RSA public key of 1024 to 8192 bits: PEM in the
// form of PKIX or PKCS#1, or the base64 of either without the lines around it,
// as the platform's pages show keys.
func ParsePayVerifier(text string) (PayVerifier, error) {
	der, err := payDER(text)
	if err != nil {
		return PayVerifier{}, fmt.Errorf("public key: %w", err)
	}
	key, err := x509.ParsePKCS1PublicKey(der)
	if err != nil {
		other, _ := x509.ParsePKIXPublicKey(der)
		var ok bool
		if key, ok = other.(*rsa.PublicKey); !ok {
			return PayVerifier{}, errors.New("public key: want an RSA key in the form of PKIX or PKCS#1")
		}
	}
	if err := checkPayKey(key); err != nil {
		return PayVerifier{}, fmt.Errorf("public key: %w", err)
	}
	return PayVerifier{key}, nil
}

// Verify checks the rsaSign of a payment. The error says what is wrong with it:
// that it is no base64, that it has another length than the key's, or that it
// is the signature of something else or by another key.
func (v PayVerifier) Verify(params map[string]string, sign string) error {
	if v.key == nil {
		return errors.New("rsaSign: no key to check it with")
	}
	if sign == "" {
		return errors.New("rsaSign: it is empty")
	}
	if strings.Contains(sign, " ") {
		return errors.New("rsaSign: there are spaces in it; a + in a form or a query must be escaped as %2B")
	}
	signature, err := decode64(base64.StdEncoding.Strict(), sign)
	if err != nil {
		return fmt.Errorf("rsaSign: %w", err)
	}
	if n := v.key.Size(); len(signature) != n {
		return fmt.Errorf("rsaSign: base64 of %d bytes, the key makes %d", len(signature), n)
	}
	sum := sha1.Sum([]byte(PayText(params))) //nolint:gosec // the platform's choice
	if rsa.VerifyPKCS1v15(v.key, crypto.SHA1, sum[:], signature) != nil {
		return errors.New("rsaSign: it is not the signature of these parameters by this key")
	}
	return nil
}

// payDER returns the binary form of a key in PEM or in bare base64.
func payDER(text string) ([]byte, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return block.Bytes, nil
	}
	der, err := decode64(base64.StdEncoding, strings.Join(strings.Fields(text), ""))
	if err != nil || len(der) == 0 {
		return nil, errors.New("want PEM, or the base64 that stands in it")
	}
	return der, nil
}

// checkPayKey bounds a key.
func checkPayKey(key *rsa.PublicKey) error {
	if n := key.N.BitLen(); n < minPayKey || n > maxPayKey {
		return fmt.Errorf("%d bits, want %d to %d", n, minPayKey, maxPayKey)
	}
	return nil
}
