package emulator

import (
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/swanemu/emu/internal/seal"
)

// Merchants and the keys of payments. The key pairs come with the emulator:
// making one takes longer than a sandbox, and what they sign is a test's.

//go:embed keys/merchant.pem
var merchantPEM string

//go:embed keys/platform.pem
var platformPEM string

// merchantKey is the key pair of merchants that have none of their own.
func merchantKey() (seal.PaySigner, error) { return seal.ParsePaySigner(merchantPEM) }

// platformKey is the key pair that signs what merchants are told.
func platformKey() (seal.PaySigner, error) { return seal.ParsePaySigner(platformPEM) }

// bareKey is a key pair's PEM without the text above it.
func bareKey(text string) string { return text[max(strings.Index(text, "-----BEGIN"), 0):] }

// addMerchant puts a merchant into the state; what it leaves open is
// generated.
func (c *Call) addMerchant(m *Merchant) error {
	r := c.draw("merchant")
	generated := Merchant{Deal: r.between(100_000_000, 999_999_999), Key: "MMM" + r.alnum(10), PMApp: r.between(10_000, 99_999)}
	if m.Deal == 0 {
		m.Deal = generated.Deal
	}
	if m.Key == "" {
		m.Key = generated.Key
	}
	m.PMApp = generated.PMApp
	check := m.check
	if m.PublicKey == "" {
		key, err := c.box.em.merchantKey()
		if err != nil {
			return err
		}
		m.PublicKey, check = key.Public(), m.checkRest // that key is one
	}
	if err := check(); err != nil {
		return &orderError{err.Error()}
	}
	if err := c.box.em.index.claim(m.Key, c.box); err != nil {
		return err
	}
	c.State.Merchants = append(c.State.Merchants, m)
	return nil
}

// check says what a merchant lacks to be one.
func (m *Merchant) check() error {
	if _, err := seal.ParsePayVerifier(m.PublicKey); err != nil {
		return fmt.Errorf("public_key: %w", err)
	}
	return m.checkRest()
}

func (m *Merchant) checkRest() error {
	if m.Deal <= 0 {
		return errors.New("deal_id must be a positive number")
	}
	if m.Key == "" {
		return errors.New("app_key must not be empty")
	}
	for name, text := range map[string]string{
		"notify_url": m.NotifyURL, "refund_audit_url": m.RefundAuditURL, "refund_notify_url": m.RefundNotifyURL,
	} {
		if !receiverURL(text) {
			return fmt.Errorf("%s must be an http or https URL with a host and without a fragment, or empty", name)
		}
	}
	return nil
}

// receiverURL reports whether a text can be the address of a receiver; "" is
// the inbox.
func receiverURL(text string) bool {
	if text == "" {
		return true
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.Fragment == ""
}
