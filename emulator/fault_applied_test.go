package emulator_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
)

// Which calls take effect although a fault hits them, and calls that nobody
// programmed.

// TestApplied has calls take effect, or not, although their callers are told
// otherwise.
func TestApplied(t *testing.T) {
	for _, fault := range []string{
		`"do":"reset"`, `"do":"status","status":502`, `"do":"refuse","error":"NetworkBusy"`, `"do":"rate_limit"`,
		`"do":"truncate"`, `"do":"malformed"`,
	} {
		for _, applied := range []string{"false", "true"} {
			t.Run(strings.ReplaceAll(fault, `"`, "")+" "+applied, func(t *testing.T) {
				c := newCaller(t, nil)
				script(t, c.e, `{"on":"call","operation":"uploadPackage",`+fault+`,"applied":`+applied+`}`)
				before := mustExport(t, c.s)
				a, err := c.upload()
				if err == nil && a.status == 200 && a.code() == 0 {
					t.Errorf("the caller was told nothing: %s", a.body)
				}
				// Half an answer can only come of a call that was made.
				took := applied == "true" || strings.Contains(fault, "truncate") || strings.Contains(fault, "malformed")
				packages := packagesOf(t, c.e, c.c.App.AppID)
				if took != (len(packages) == 1) {
					t.Errorf("packages: %+v", packages)
				}
				for _, name := range sameState(before, mustExport(t, c.s)) {
					if !took && name != "faults" {
						t.Errorf("%s has changed", name)
					}
				}
				c.blameless()
			})
		}
	}
}

// TestFaultOnAnAnswerFromTheContract has a fault replace an answer that nobody
// programmed, with all that belongs to the refusal.
func TestFaultOnAnAnswerFromTheContract(t *testing.T) {
	c := newCaller(t, func(o *emulator.Options) { o.GatewayStatus = 403 })
	prefer := func() answer {
		return preferring(t, c.e, "dynamic=true", "GET", pathList+"?access_token="+url.QueryEscape(c.c.Authorizer.AccessToken), "", "")
	}
	script(t, c.e, `{"on":"call","do":"rate_limit","applied":true}`)
	if a := prefer(); a.status != 403 || a.code() != 4 {
		t.Errorf("%d %s", a.status, a.body)
	}
	script(t, c.e, `{"on":"call","do":"refuse","error":"OAuthUnknownClient","applied":true}`)
	if a := prefer(); a.status != 400 || a.header.Get("Cache-Control") != "no-store" || a.code() != -1 {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	if a := prefer(); a.status != 200 || a.code() != 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestFaultsOnAForeignContract(t *testing.T) {
	doc := `{"openapi":"3.0.3","info":{"title":"x","version":"1"},"paths":{"/a":{"get":{"operationId":"a","responses":{"200":{"description":"ok",
		"content":{"application/json":{"example":{"n":1}}}}}}}}}`
	e := newEmulator(t, func(o *emulator.Options) { o.Spec, o.SpecName = []byte(doc), "x.json" })
	server := newServer(t, e)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func() (int, string, error) {
		r, err := http.NewRequestWithContext(context.Background(), "GET", server.URL+"/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err != nil {
			return 0, "", err
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		return res.StatusCode, string(body), err
	}
	script(t, e, `{"on":"call","do":"status","status":503,"operation":"a"}`)
	script(t, e, `{"on":"call","do":"latency","delay":"1h"}`)
	script(t, e, `{"on":"call","do":"reset"}`)
	refused(t, e, 400, "POST", boxFaults, `{"on":"call","do":"rate_limit"}`)
	refused(t, e, 400, "POST", boxFaults, `{"on":"call","do":"refuse","error":"NetworkBusy"}`)
	began := e.Sandbox("default").Now()
	if status, body, err := ask(); status != 503 || err != nil {
		t.Errorf("%d %s %v", status, body, err)
	}
	if status, body, err := ask(); status != 200 || body != `{"n":1}` || err != nil || e.Sandbox("default").Now().Sub(began) != time.Hour {
		t.Errorf("%d %s %v", status, body, err)
	}
	if _, _, err := ask(); !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	if status, _, err := ask(); status != 200 || err != nil {
		t.Errorf("%d %v", status, err)
	}
}
