package redirect

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// lifetime is how long an authority's certificates hold. They are made anew
// for each run, so that nothing has to be renewed.
const lifetime = 7 * 24 * time.Hour

// An authority signs one certificate, for the hosts that are taken over, and
// may sign for no others: its own certificate says so to every client. Its key
// is gone with the process.
type authority struct {
	root *x509.Certificate
	leaf tls.Certificate
}

// newAuthority makes keys and certificates that hold from an hour before now,
// for clocks that are behind.
func newAuthority(hosts []string, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), nil) // a nil source is the system's
	if err != nil {
		return nil, fmt.Errorf("make the key of the authority: %w", err)
	}
	root, err := certify(&x509.Certificate{
		Subject:   pkix.Name{CommonName: "emu, made for one run"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: hosts,
	}, nil, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make the authority: %w", err)
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), nil)
	if err != nil {
		return nil, fmt.Errorf("make the key of the certificate: %w", err)
	}
	leaf, err := certify(&x509.Certificate{
		Subject: pkix.Name{CommonName: hosts[0]}, DNSNames: hosts,
		NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, root, &own.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate: %w", err)
	}
	return &authority{root: root, leaf: tls.Certificate{Certificate: [][]byte{leaf.Raw, root.Raw}, PrivateKey: own, Leaf: leaf}}, nil
}

// certify signs a certificate; without a parent it signs itself. Its number is
// made of its key, so that no two are alike.
func certify(c, parent *x509.Certificate, public *ecdsa.PublicKey, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	if parent == nil {
		parent = c
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	sum[0] &= 0x7f // a number that is not negative
	c.SerialNumber = new(big.Int).SetBytes(sum[:16])
	signed, err := x509.CreateCertificate(nil, c, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(signed)
}

// pem is the authority's certificate for files.
func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})
}
