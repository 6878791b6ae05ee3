package contracttest

import "testing"

func TestDeviationsCover(t *testing.T) {
	f := Finding{Check: "response.status", Operation: "listPackages", ValuePointer: "/data/3/status", Case: "app_id: missing in form", Actual: "422"}
	for name, test := range map[string]struct {
		known Deviation
		want  bool
	}{
		"the check":            {Deviation{Check: "response.status"}, true},
		"another check":        {Deviation{Check: "response.schema"}, false},
		"the operation":        {Deviation{Check: "response.status", Operation: "listPackages"}, true},
		"another operation":    {Deviation{Check: "response.status", Operation: "getAppInfo"}, false},
		"any row":              {Deviation{Check: "response.status", Pointer: "/data/*/status"}, true},
		"one row":              {Deviation{Check: "response.status", Pointer: "/data/3/status"}, false},
		"the case":             {Deviation{Check: "response.status", Case: "app_id: missing in form"}, true},
		"a case like it":       {Deviation{Check: "response.status", Case: "*: missing in *"}, true},
		"any case":             {Deviation{Check: "response.status", Case: "*"}, true},
		"a case that begins":   {Deviation{Check: "response.status", Case: "app_id: missing"}, false},
		"a case that ends":     {Deviation{Check: "response.status", Case: "missing in form"}, false},
		"a case of another":    {Deviation{Check: "response.status", Case: "*in json"}, false},
		"what came instead":    {Deviation{Check: "response.status", Actual: "422"}, true},
		"what did not come":    {Deviation{Check: "response.status", Actual: "401"}, false},
		"what the rest is not": {Deviation{Check: "response.status", Case: "*", Actual: "422", Operation: "getAppInfo"}, false},
	} {
		if got := test.known.covers(&f); got != test.want {
			t.Errorf("%s: %q covers it: %t", name, test.known, got)
		}
	}
	d := Deviation{Check: "a", Operation: "b", Case: "c *", Actual: "d", Reason: "e"}
	if got, want := d.String(), "a, b, c *, d"; got != want {
		t.Errorf("it is called %q, want %q", got, want)
	}
}
