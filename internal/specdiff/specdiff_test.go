package specdiff_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/internal/specdiff"
)

// replaced is the platform's contract with something replaced, each old text of
// which must be there.
func replaced(t *testing.T, pairs ...string) specdiff.Document {
	t.Helper()
	text := string(emu.OpenAPI)
	for i := 0; i+1 < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("nothing to replace: %s", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return specdiff.Document{Name: "new.yaml", Data: []byte(text)}
}

func builtin() specdiff.Document {
	return specdiff.Document{Name: "old.yaml", Data: emu.OpenAPI, Verified: true}
}

func compare(t *testing.T, from, to specdiff.Document) []specdiff.Change {
	t.Helper()
	changes, err := specdiff.Compare(context.Background(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

// lineOf is the number of the line that holds a text.
func lineOf(t *testing.T, text string) int {
	t.Helper()
	before, _, ok := strings.Cut(string(emu.OpenAPI), text)
	if !ok {
		t.Fatalf("not there: %s", text)
	}
	return strings.Count(before, "\n") + 1
}

// TestNothing finds no change where there is none, or none that is said.
func TestNothing(t *testing.T) {
	for name, to := range map[string]specdiff.Document{
		"itself":     builtin(),
		"a comment":  replaced(t, "openapi: 3.0.3\n", "openapi: 3.0.3\n# more\n"),
		"a title":    replaced(t, "title: 线上版本,", "title: 线上,"),
		"a summary":  replaced(t, "summary: 发布已通过审核的包", "summary: 发布"),
		"evidence":   replaced(t, "by: {operation: withdrawPackageAudit}\n        emits: [PACKAGE_CHANGED]\n        x-evidence: {grade: assumed, source: A}", "by: {operation: withdrawPackageAudit}\n        emits: [PACKAGE_CHANGED]\n        x-evidence: {grade: observed, source: K}"),
		"an example": replaced(t, "example: 首次送审", "example: 送审"),
	} {
		if changes := compare(t, builtin(), to); len(changes) > 0 {
			t.Errorf("%s: %+v", name, changes)
		}
	}
}

// TestChanges makes one change each, in both directions.
func TestChanges(t *testing.T) {
	const release = "      - name: release\n        from: [approved]\n        to: online\n        by: {operation: releasePackage}\n        gates: [app_in_service, owner_verified, no_rollback_running]\n        emits: [PACKAGE_CHANGED]\n"
	step := func(from, to string) string { return strings.Replace(release, from, to, 1) }
	for name, test := range map[string]struct {
		old, new string
		// there and back are level, id and operations of the change.
		there, back string
	}{
		"code":            {"AppNotFound: {status: 200, body: &AppNotFound {errno: 45000,", "AppNotFound: {status: 200, body: &AppNotFound {errno: 45009,", "breaking x-errors-code-changed", "breaking x-errors-code-changed"},
		"text":            {"errno: 45000, msg: 小程序不存在", "errno: 45000, msg: 没有", "compatible x-errors-text-changed", "compatible x-errors-text-changed"},
		"status":          {"OAuthInvalidScope: {status: 400,", "OAuthInvalidScope: {status: 401,", "breaking x-errors-status-changed", "breaking x-errors-status-changed"},
		"header":          {"OAuthInvalidScope: {status: 400, headers: {Cache-Control: no-store},", "OAuthInvalidScope: {status: 400, headers: {Cache-Control: private},", "breaking x-errors-header-changed", "breaking x-errors-header-changed"},
		"catalogue":       {"  Expired: {status: 200, body: &Expired {errno: 44003,", "  Expired: {status: 200, body: &Expired {errno: 44003, msg: 已过期}, x-evidence: {grade: documented, source: D}}\n  Other: {status: 200, body: {errno: 44009,", "compatible x-errors-added", "compatible x-errors-removed"},
		"refusal":         {"      unauthenticated: TokenInvalid\n", "      unauthenticated: TokenExpired\n", "breaking x-envelopes-refusal-changed", "breaking x-envelopes-refusal-changed"},
		"success":         {"success: {errno: 0, msg: success}", "success: {errno: 0, msg: ok}", "breaking x-envelopes-success-changed", "breaking x-envelopes-success-changed"},
		"operation error": {"        - PackageNotFound\n        - IllegalTransition\n        - NameNotApproved\n", "        - PackageNotFound\n        - NameNotApproved\n", "compatible x-errors-operation-removed submitPackageAudit", "compatible x-errors-operation-added submitPackageAudit"},
		"in the body":     {"operationId: releasePackage\n      tags: [package]\n      summary: 发布已通过审核的包\n      description: 发布前主体须通过真实性认证。原线上版本退出列表，成为可回滚的版本。\n      x-envelope: business\n      x-parameters-in: [query, body]", "operationId: releasePackage\n      tags: [package]\n      summary: 发布已通过审核的包\n      description: 发布前主体须通过真实性认证。原线上版本退出列表，成为可回滚的版本。\n      x-envelope: business\n      x-parameters-in: [body]", "breaking x-parameters-in-removed releasePackage", "compatible x-parameters-in-added releasePackage"},
		"state number":    {"{name: approved, title: 审核通过, status: 6,", "{name: approved, title: 审核通过, status: 7,", "breaking x-lifecycle-status-changed", "breaking x-lifecycle-status-changed"},
		"state":           {"      - {name: rolled_back,", "      - {name: shelved, title: x, listed: false, x-evidence: {grade: assumed, source: A}}\n      - {name: rolled_back,", "compatible x-lifecycle-state-added", "breaking x-lifecycle-state-removed"},
		"listed state":    {"      - {name: rolled_back,", "      - {name: shelved, title: x, status: 9, listed: true, x-evidence: {grade: assumed, source: A}}\n      - {name: rolled_back,", "breaking x-lifecycle-state-added", "breaking x-lifecycle-state-removed"},
		"step from":       {release, step("[approved]", "[approved, rejected]"), "compatible x-lifecycle-from-added", "breaking x-lifecycle-from-removed"},
		"step to":         {release, step("to: online", "to: superseded"), "breaking x-lifecycle-to-changed", "breaking x-lifecycle-to-changed"},
		"gate":            {release, step(", owner_verified", ""), "compatible x-lifecycle-gate-removed", "breaking x-lifecycle-gate-added"},
		"emits":           {release, step("        emits: [PACKAGE_CHANGED]\n", ""), "breaking x-lifecycle-emit-removed", "compatible x-lifecycle-emit-added"},
		"by":              {release, step("{operation: releasePackage}", "{decision: audit, outcome: pass}"), "breaking x-lifecycle-by-changed", "breaking x-lifecycle-by-changed"},
		"after":           {"by: {decision: rollback, outcome: pass}\n        after: 3s", "by: {decision: rollback, outcome: pass}\n        after: 5s", "compatible x-lifecycle-after-changed", "compatible x-lifecycle-after-changed"},
		"step":            {release, strings.Replace(step("name: release", "name: publish"), "from: [approved]", "from: [rejected]", 1) + "        x-evidence: {grade: assumed, source: A}\n" + release, "compatible x-lifecycle-transition-added", "breaking x-lifecycle-transition-removed"},
		"own step":        {release, "      - name: expire\n        from: [approved]\n        to: rejected\n        by: {decision: audit, outcome: fail}\n        x-evidence: {grade: assumed, source: A}\n" + release, "breaking x-lifecycle-transition-added", "breaking x-lifecycle-transition-removed"},
		"gate's error":    {"refuse: [NameNotApproved, CategoryNotApproved, NameAndCategoryNotApproved]", "refuse: [NameNotApproved, CategoryNotApproved]", "breaking x-lifecycle-gate-refusal-removed", "compatible x-lifecycle-gate-refusal-added"},
		"event code":      {"channel: kafka\n    code: 101", "channel: kafka\n    code: 102", "breaking x-events-code-changed", "breaking x-events-code-changed"},
		"event":           {"  TICKET:\n    channel: push", "  MORE:\n    channel: push\n    title: x\n    schema: {$ref: '#/components/schemas/TicketPush'}\n    x-evidence: {grade: assumed, source: A}\n  TICKET:\n    channel: push", "compatible x-events-added", "breaking x-events-removed"},
		"path":            {"  /rest/2.0/smartapp/package/auditquota:", "  /rest/2.0/smartapp/package/auditquotas:", "breaking api-path-removed-without-deprecation getAuditQuota; compatible endpoint-added getAuditQuota", "breaking api-path-removed-without-deprecation getAuditQuota; compatible endpoint-added getAuditQuota"},
		"enumeration":     {"description: 小程序的状态，-1 封禁 1 正常 2 审核中 4 暂停服务\n          type: integer\n          enum: [-1, 1, 2, 4]", "description: 小程序的状态，-1 封禁 1 正常 2 审核中 4 暂停服务\n          type: integer\n          enum: [-1, 1, 2, 4, 9]", "breaking response-property-enum-value-added getOSSAppInfo postOSSAppInfo", "compatible response-property-enum-value-removed getOSSAppInfo postOSSAppInfo"},
		"required":        {"      type: object\n      required: [app_id]\n      properties:\n        app_id: {$ref: '#/components/schemas/AppId'}", "      type: object\n      properties:\n        app_id: {$ref: '#/components/schemas/AppId'}", "compatible request-property-became-optional retrieveAuthorizationCode postOSSPackages", "breaking request-property-became-required retrieveAuthorizationCode postOSSPackages"},
	} {
		t.Run(name, func(t *testing.T) {
			other := replaced(t, test.old, test.new)
			one := func(changes []specdiff.Change) string {
				var out []string
				for _, c := range changes {
					out = append(out, strings.Join(append([]string{string(c.Level), c.ID}, c.Operations...), " "))
					if c.Text == "" || c.Reason == "" || c.Old == nil && c.New == nil {
						t.Errorf("something is not said: %+v", c)
					}
					if testing.Verbose() {
						t.Log(c.Text, "|", c.Reason, c.Old, c.New)
					}
				}
				return strings.Join(out, "; ")
			}
			if got := one(compare(t, builtin(), other)); got != test.there {
				t.Errorf("there: %s\nwant   %s", got, test.there)
			}
			if got := one(compare(t, other, builtin())); got != test.back {
				t.Errorf("back: %s\nwant  %s", got, test.back)
			}
		})
	}
}

// TestPlaces looks at where changes stand.
func TestPlaces(t *testing.T) {
	for name, test := range map[string]struct{ old, new, pointer string }{
		"an error": {"errno: 45000, msg: 小程序不存在", "errno: 45009, msg: 小程序不存在", "#/x-errors/AppNotFound/body/errno"},
		"a step":   {"        gates: [app_in_service, owner_verified, no_rollback_running]", "        gates: [app_in_service, no_rollback_running]", "#/x-lifecycle/package/transitions/8/gates"},
		"a schema": {"enum: [-1, 1, 2, 4]\n          example: 1\n      x-evidence: {grade: documented, source: S0}", "enum: [-1, 1, 2, 4, 9]\n          example: 1\n      x-evidence: {grade: documented, source: S0}", "#/components/schemas/OSSApp/properties/status/enum/4"},
	} {
		line := lineOf(t, test.old)
		for _, c := range compare(t, builtin(), replaced(t, test.old, test.new)) {
			at := c.New
			if at == nil || at.Line != line || at.Pointer != test.pointer || at.File != "new.yaml" || at.Column < 2 {
				t.Errorf("%s: at %v, want line %d %s", name, at, line, test.pointer)
			}
			if !strings.HasPrefix(at.String(), "new.yaml:") {
				t.Errorf("%s: %s", name, at)
			}
		}
	}
}

// TestPayloads compares what events carry as answers are compared: the platform
// sends it.
func TestPayloads(t *testing.T) {
	const schema = "    PackageAuditFailPush:\n"
	text := string(emu.OpenAPI)
	begin := strings.Index(text, schema)
	part := text[begin:]
	at := strings.Index(part, "required: [")
	end := at + strings.Index(part[at:], "]")
	required := part[at : end+1]
	t.Log(required)
	if !strings.Contains(required, "reason") {
		t.Fatalf("the push has changed: %s", required)
	}
	less := strings.Replace(strings.Replace(required, ", reason", "", 1), "reason, ", "", 1)
	data := text[:begin] + strings.Replace(part, required, less, 1)
	changes := compare(t, builtin(), specdiff.Document{Name: "new.yaml", Data: []byte(data)})
	i := slices.IndexFunc(changes, func(c specdiff.Change) bool { return slices.Contains(c.Operations, "PACKAGE_AUDIT_FAIL") })
	if i < 0 || changes[i].Level != specdiff.Breaking || !strings.HasPrefix(changes[i].Text, "event: ") || strings.Contains(changes[i].Text, "status") {
		t.Errorf("%+v", changes)
	}
}

// TestForeign compares documents that are not in the platform's dialect, YAML
// with JSON.
func TestForeign(t *testing.T) {
	was := specdiff.Document{Name: "a.yaml", Data: []byte(`openapi: 3.0.3
info: {title: x, version: '1'}
paths:
  /pets:
    get:
      operationId: listPets
      parameters:
        - {name: limit, in: query, schema: {type: integer, maximum: 100}}
      responses:
        '200': {description: x}
`)}
	now := specdiff.Document{Name: "b.json", Data: []byte(`{"openapi": "3.0.3", "info": {"title": "x", "version": "1"}, "paths": {
  "/pets": {
    "get": {"operationId": "listPets",
      "parameters": [{"name": "limit", "in": "query", "required": true, "schema": {"type": "integer", "maximum": 50}}],
      "responses": {"200": {"description": "x"}}}}}}`)}
	changes := compare(t, was, now)
	ids := []string{}
	for _, c := range changes {
		ids = append(ids, string(c.Level)+" "+c.ID)
		if c.Old == nil || c.New == nil || c.Old.File != "a.yaml" || c.New.File != "b.json" || c.New.Line < 3 {
			t.Errorf("%s: %v, %v", c.ID, c.Old, c.New)
		}
	}
	slices.Sort(ids)
	if want := []string{"breaking request-parameter-became-required", "breaking request-parameter-max-decreased"}; !slices.Equal(ids, want) {
		t.Errorf("%v, want %v", ids, want)
	}
	if changes := compare(t, builtin(), now); changes[0].Level != specdiff.Breaking || !slices.ContainsFunc(changes, func(c specdiff.Change) bool { return c.ID == "x-dialect" }) {
		t.Errorf("%+v", changes)
	}
	for _, broken := range []specdiff.Document{{Name: "none.yaml", Data: []byte("x: [")}, {Name: "none.yaml", Data: []byte("openapi: 2.0")}} {
		for _, pair := range [][2]specdiff.Document{{broken, was}, {was, broken}} {
			if _, err := specdiff.Compare(context.Background(), pair[0], pair[1]); err == nil || !strings.HasPrefix(err.Error(), "none.yaml") {
				t.Errorf("%v", err)
			}
		}
	}
}
