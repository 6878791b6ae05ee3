package main

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/internal/spec"
)

// page is text on its way to standard output, with or without colour.
type page struct {
	strings.Builder
	colour bool
}

// title writes a line that stands out.
func (p *page) title(text string) {
	if p.colour {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	p.WriteString(text + "\n")
}

// row writes a name and its value.
func (p *page) row(name, value string) {
	name = fmt.Sprintf("%-11s", name)
	if p.colour {
		name = "\x1b[2m" + name + "\x1b[0m"
	}
	p.WriteString("  " + name + " " + value + "\n")
}

// welcome prints what one needs to begin: where things are, who one can be,
// and calls that work as they stand.
func (s *server) welcome() error {
	p := &page{colour: colourful(s.app.std.out, s.app.env)}
	c, err := s.emulator.Credentials()
	if err != nil {
		return err
	}
	p.title("emu " + thisBuild().Version + " is ready")
	p.row("API", s.baseURL())
	if s.broker == nil {
		p.row("Kafka", "none; notices stand in the journal only")
	} else {
		p.row("Kafka", s.kafkaAddresses()+"  topic "+c.Topic)
	}
	if s.secure != nil {
		p.row("HTTPS", "https://"+nearby(s.secure)+s.trusted())
	}
	if s.proxy != nil {
		p.row("Proxy", s.proxy.URL().String()+"  in another shell: eval \"$(emu env --url "+s.baseURL()+")\"")
	}
	p.row("Inbox", s.baseURL()+"/_emu/sandboxes/"+c.Sandbox+"/inbox")
	p.row("Docs", s.baseURL()+"/_emu/docs")
	p.WriteString("\n")
	contract := s.emulator.Contract()
	for _, warning := range contract.Warnings() {
		p.row("Warning", warning)
	}
	if contract.Platform() {
		p.credentials(c)
		p.title("Try")
		for _, line := range samples(s.baseURL(), c) {
			p.WriteString(line + "\n")
		}
	} else {
		p.foreign(s.baseURL(), contract.Operations())
	}
	_, err = s.app.std.out.Write([]byte(p.String()))
	return err
}

// trusted says what clients of HTTPS have to trust.
func (s *server) trusted() string {
	switch {
	case s.settings.TLSCert != "":
		return "  with " + s.settings.TLSCert
	case s.authority == "":
		return "  trust the certificate in " + s.baseURL() + "/_emu/setup"
	}
	return "  trust " + s.authority
}

// credentials writes who one can be in the default sandbox.
func (p *page) credentials(c emulator.Credentials) {
	p.title("Sandbox " + c.Sandbox)
	p.row("Host", fmt.Sprintf("client_id %s  client_secret %s", c.Host.AK, c.Host.SK))
	p.row("", fmt.Sprintf("offical_no %d  container_no %d", c.Host.OfficalNo, c.Host.ContainerNo))
	p.row("App", fmt.Sprintf("app_id %d  app_key %s  app_secret %s", c.App.AppID, c.App.AppKey, c.App.AppSecret))
	if c.Merchant.DealID != 0 {
		p.row("Merchant", fmt.Sprintf("deal_id %d  app_key %s", c.Merchant.DealID, c.Merchant.AppKey))
	}
	p.row("Authorizer", "access_token "+c.Authorizer.AccessToken)
	p.row("", "refresh_token "+c.Authorizer.RefreshToken)
	p.row("TP", fmt.Sprintf("tp_id %d  client_id %s", c.TP.TPID, c.TP.ClientID))
	p.row("", "access_token "+c.TP.AccessToken)
	p.row("", "ticket "+c.TP.Ticket)
	p.row("", fmt.Sprintf("token %s  EncodingAESKey %s", c.TP.Token, c.TP.EncodingAESKey))
	if c.TP.PushURL != "" {
		p.row("", "pushes go to "+c.TP.PushURL)
	}
	p.WriteString("\n")
}

// samples are calls of the platform that work as pasted.
func samples(base string, c emulator.Credentials) []string {
	token := "/oauth/2.0/token?grant_type=client_credentials&client_id=" + url.QueryEscape(c.Host.AK) +
		"&client_secret=" + url.QueryEscape(c.Host.SK) + "&scope=smartapp_snsapi_base"
	return []string{
		"  # get a token",
		"  curl " + quote(base+token),
		"  # upload a package",
		"  curl " + quote(base+"/rest/2.0/smartapp/package/upload") +
			" -d " + quote("access_token="+c.Authorizer.AccessToken) + ` \`,
		"    -d template_id=754 -d user_version=1.0.0 -d user_desc=first" +
			" --data-urlencode " + quote(`ext_json={"extEnable":true,"directCommit":true}`),
		"  # list the packages",
		"  curl " + quote(base+"/rest/2.0/smartapp/package/get?access_token="+url.QueryEscape(c.Authorizer.AccessToken)),
	}
}

// quote makes text one word of a shell.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// foreign writes what there is to know of a contract that is not the
// platform's.
func (p *page) foreign(base string, operations []*spec.Operation) {
	p.title(fmt.Sprintf("%d operations", len(operations)))
	if len(operations) == 0 {
		return
	}
	p.WriteString("\n")
	p.title("Try")
	// The fewer things a call needs, the better it is to begin with.
	needs := func(o *spec.Operation) int {
		n := 2 * strings.Count(o.Path, "{")
		if o.Method != http.MethodGet {
			n += 4
		}
		if o.Secured {
			n += 3
		}
		return n
	}
	o := slices.MinFunc(operations, func(a, b *spec.Operation) int { return needs(a) - needs(b) })
	call := "  curl "
	if o.Method != http.MethodGet {
		call += "-X " + o.Method + " "
	}
	path := regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(o.Path, "1")
	p.WriteString(call + quote(base+path) + "\n")
}
