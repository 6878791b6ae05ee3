package emulator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestControlHosts(t *testing.T) {
	e := newEmulator(t, nil)
	const hosts = "/_emu/sandboxes/default/hosts"
	made := must[fields](t, e, http.MethodPost, hosts, `{"ak":"alliance-two","offical_no":424242}`)
	if made["ak"] != "alliance-two" || made["offical_no"] != 424242.0 || made["sk"] == "" || made["container_no"] == 0.0 {
		t.Errorf("made %v", made)
	}
	if all := must[fields](t, e, http.MethodGet, hosts, ""); len(all["hosts"].([]any)) != 2 {
		t.Errorf("there are %v, want two", all)
	}
	refused(t, e, http.StatusConflict, http.MethodPost, hosts, `{"ak":"alliance-two"}`)
	refused(t, e, http.StatusConflict, http.MethodPost, hosts, `{"offical_no":424242}`)
	refused(t, e, http.StatusBadRequest, http.MethodPost, hosts, `{"official_no":1}`)

	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"alliance-two"}, "client_secret": {made["sk"].(string)},
		"scope": {"smartapp_snsapi_base"},
	}
	token := must[fields](t, e, http.MethodGet, pathToken+"?"+form.Encode(), "")
	got := must[fields](t, e, http.MethodGet, pathOSSInfo+"?app_ids=1452365&access_token="+token["access_token"].(string), "")
	if got["errno"] != 0.0 {
		t.Errorf("the new member sees %v", got)
	}
	for _, entry := range e.Sandbox("default").Journal(0, 100) {
		line, err := entry.MarshalJSON()
		if err != nil || strings.Contains(string(line), made["sk"].(string)) {
			t.Errorf("the journal shows the secret, or nothing: %s %v", line, err)
		}
	}
}
