package emulator

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestAlliancePageEscapes fills the page with what would become part of a page
// that believes it.
func TestAlliancePageEscapes(t *testing.T) {
	const evil = `</style></title><script>alert("1")</script>' onclick='x' & "小程序" javascript:alert(1) +1`
	p := alliancePage{
		Sandbox: evil, Sandboxes: []string{"a", evil, "javascript:x"}, Topic: evil, New: 5, Opened: 6, Done: evil, Problem: evil,
		Hosts: []Host{
			{
				AK: evil, SK: evil, OfficalNo: 5, Name: evil, URL: "javascript:alert(1)", HSK: evil, AppIDs: []int64{1, 2},
				Containers: []Container{{ContainerNo: 9, Name: evil, Pkgname: evil, KeyHash: evil}},
			},
			{OfficalNo: 6},
		},
		Filled: map[string]string{"name": evil, "url": "javascript:alert(1)", "app_ids": evil, "container_name": evil, "pkgname": evil, "key_hash": evil},
	}
	var out strings.Builder
	if err := p.node().Render(&out); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	head, body, _ := strings.Cut(page, "</style>")
	if _, sheet, _ := strings.Cut(head, "<style>"); strings.Contains(sheet, "alert") || !strings.Contains(sheet, "header > div {") {
		t.Error("the style sheet is not as it was written")
	}
	// No text ends where it stands: what is between < and > is ours.
	tag := regexp.MustCompile(`^/?[a-z]+[1-6]?( [a-z-]+(="[^"<>]*")?)*>[^>]*$`)
	for i, part := range strings.Split(body, "<") {
		if i > 0 && !tag.MatchString(strings.ReplaceAll(part, "\n", "")) {
			t.Errorf("the page has <%s", part)
		}
	}
	for _, bad := range []string{"<script", " onclick=", " href=", " src=", " style="} {
		for _, m := range regexp.MustCompile(`<[^>]*>`).FindAllString(page, -1) {
			if strings.Contains(regexp.MustCompile(`"[^"]*"`).ReplaceAllString(m, `""`), bad) {
				t.Errorf("the page has %s", m)
			}
		}
	}
	actions := regexp.MustCompile(` action="([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(actions) != 4 {
		t.Errorf("%d forms, want that of the sandboxes, one for each member, and one for a new one", len(actions))
	}
	for i, m := range actions {
		to, err := url.Parse(html.UnescapeString(m[1]))
		if err != nil || to.Scheme != "" || to.Host != "" || to.Path != alliancePath || to.Fragment != "" || i > 0 && to.Query().Get("sandbox") != evil {
			t.Errorf("a form goes to %s", m[1])
		}
	}
	for want, n := range map[string]int{
		`<section id="member-5" class="new">`: 1, `<section id="member-6">`: 1, `<details open>`: 1, `<details>`: 1, `<code>1</code>、<code>2</code>`: 1,
		` value="` + evil + `"`: 5, `<code>` + evil + `</code>`: 6, `<option selected>` + evil + `</option>`: 1, ">未填写，由仿真器代为处理<": 1, ">全部<": 1,
	} {
		if got := strings.Count(html.UnescapeString(page), want); got != n {
			t.Errorf("the page has %s %d times, want %d", want, got, n)
		}
	}
}
