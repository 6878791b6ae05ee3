package redirect

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"github.com/swanemu/emu/internal/clock"
)

// lifetime is how long an authority's certificates hold. They are made anew
// for each run, so that nothing has to be renewed.
const lifetime = 7 * 24 * time.Hour

// An Authority signs one certificate, for a few names and addresses, and may
// sign for no others: its own certificate says so to every client. Its key is
// gone when it is made, that of the certificate with the process.
type Authority struct {
	root *x509.Certificate
	leaf tls.Certificate
}

// NewAuthority makes an authority and its certificate for names, which are DNS
// names or IP addresses; the first is a DNS name. Both hold from an hour before
// now, for clocks that are behind, for a week.
func NewAuthority(names []string) (*Authority, error) { return newAuthority(names, clock.Wall()) }

func newAuthority(names []string, now time.Time) (*Authority, error) {
	var hosts []string
	var addresses []net.IP
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			addresses = append(addresses, ip)
		} else {
			hosts = append(hosts, name)
		}
	}
	if len(hosts) == 0 {
		return nil, errors.New("make the authority: want a name to sign for")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), nil) // a nil source is the system's
	if err != nil {
		return nil, fmt.Errorf("make the key of the authority: %w", err)
	}
	permitted, excluded := addressRanges(addresses)
	root, err := certify(&x509.Certificate{
		Subject:   pkix.Name{CommonName: "emu, made for one run"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: hosts,
		PermittedIPRanges: permitted, ExcludedIPRanges: excluded,
	}, nil, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make the authority: %w", err)
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), nil)
	if err != nil {
		return nil, fmt.Errorf("make the key of the certificate: %w", err)
	}
	leaf, err := certify(&x509.Certificate{
		Subject: pkix.Name{CommonName: hosts[0]}, DNSNames: hosts, IPAddresses: addresses,
		NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, root, &own.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate: %w", err)
	}
	return &Authority{root: root, leaf: tls.Certificate{Certificate: [][]byte{leaf.Raw, root.Raw}, PrivateKey: own, Leaf: leaf}}, nil
}

// addressRanges are the addresses that an authority may sign for, one by one,
// or all of them as those that it may not: what is not mentioned is allowed.
func addressRanges(addresses []net.IP) (permitted, excluded []*net.IPNet) {
	for _, ip := range addresses {
		if v4 := ip.To4(); v4 != nil {
			ip = v4
		}
		permitted = append(permitted, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
	}
	if len(permitted) == 0 {
		for _, size := range []int{net.IPv4len, net.IPv6len} {
			excluded = append(excluded, &net.IPNet{IP: make(net.IP, size), Mask: make(net.IPMask, size)})
		}
	}
	return permitted, excluded
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

// Config is the server's side of TLS with the certificate.
func (a *Authority) Config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.leaf}, MinVersion: tls.VersionTLS12}
}

// PEM is the authority's own certificate, for those who are to trust it.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})
}
