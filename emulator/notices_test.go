package emulator_test

// Seed 000's notices on every change that an app or a package can undergo.

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
)

// TestEveryChangeOfAnApp changes one thing of an app after the other; notice
// 100 tells the alliance whenever it can see the change, and only then.
func TestEveryChangeOfAnApp(t *testing.T) {
	t.Parallel()
	broker := &recorder{}
	e := newEmulator(t, func(o *emulator.Options) { o.Broker = broker })
	for _, c := range []struct {
		change string
		told   bool
	}{
		{`{"name":"新名称"}`, true},
		{`{"desc":"新介绍"}`, true},
		{`{"photo":"https://example.com/new.jpg"}`, true},
		{`{"status":2}`, true},
		{`{"status":4}`, true},
		{`{"status":-1}`, true},
		{`{"status":1}`, true},
		{`{"name_approved":false}`, true},
		{`{"category_approved":false}`, true},
		{`{"basic_info_approved":true}`, true},
		{`{"verified":false}`, true},
		{`{"satus":3}`, true},
		{`{"satus":4}`, true},
		{`{"ad_type":2}`, true},
		{`{"ad_status":1}`, true},
		{`{"owner":"另一家公司"}`, true},
		{`{"owner_type":5}`, true},
		{`{"min_swan_version":"9.9.9"}`, true},
		{`{"category":{"category_id":5,"category_name":"购物","parent_id":1,"parent_name":"电商"}}`, true},
		{`{"category":{"category_id":5,"category_name":"购物","category_desc":"网上购物","parent_id":1,"parent_name":"电商"}}`, true},
		{`{"name":"甲","desc":"乙","status":2}`, true}, // once, however much it changes
		{`{"name":"甲"}`, false},
		{`{}`, false},
		{`{"audit_quota":3}`, false},
		{`{"invited":false}`, false},
		{`{"developer":"某集团"}`, false},
		{`{"verified":true}`, false}, // what it says of the owner was set by hand before
	} {
		must[fields](t, e, "PATCH", box+"/apps/1452365", c.change)
		want := map[bool][]string{true: {`1452365 {"code":100,"data":{"app_id":1452365}}`}}[c.told]
		if got := published(broker); !slices.Equal(got, want) {
			t.Errorf("%s: notices %q, want %q", c.change, got, want)
		}
	}
	refused(t, e, 400, "PATCH", box+"/apps/1452365", `{"satus":5}`)
	refused(t, e, 400, "PATCH", box+"/apps/1452365", `{"ad_type":3}`)
	if got := published(broker); got != nil {
		t.Errorf("an order that was refused: %q", got)
	}
}

// published takes what was published since the last time.
func published(b *recorder) []string {
	var out []string
	for _, r := range b.take("smartapp.change") {
		out = append(out, string(r.Key)+" "+string(r.Value))
	}
	return out
}

// TestEveryTransitionOfAPackage takes each transition of the lifecycle once;
// notice 101 tells of it as the table in x-lifecycle says, and the table is
// held against the document's: a package is told of whenever its row changes,
// and what only leaves the list is told by what takes its place.
func TestEveryTransitionOfAPackage(t *testing.T) {
	t.Parallel()
	taken := map[string]bool{}
	for _, c := range []struct {
		name     string
		packages string
		act      func(e *emulator.Emulator, token string)
		told     []int // package ids, in order
		names    []string
	}{
		{"an upload begins", ``, upload1, nil, []string{"upload"}},
		{"an upload ends", `{"package_id":1,"version":"1","state":"uploading"}`, decideOn("upload", "pass", 1), []int{1}, []string{"upload_done"}},
		{"an upload fails", `{"package_id":1,"version":"1","state":"uploading"}`, decideOn("upload", "fail", 1), []int{1}, []string{"upload_failed"}},
		{
			"an upload is submitted at once", `{"package_id":1,"version":"1","state":"uploading","ext_json":"{\"directCommit\":true}"}`,
			decideOn("upload", "pass", 1),
			[]int{1},
			[]string{"upload_done_direct_commit"},
		},
		{"submitted", `{"package_id":1,"version":"1","state":"development"}`, calling(pathSubmit, 1), []int{1}, []string{"submit_audit"}},
		{"passed", `{"package_id":1,"version":"1","state":"in_review"}`, decideOn("audit", "pass", 1), []int{1}, []string{"audit_pass"}},
		{"failed", `{"package_id":1,"version":"1","state":"in_review"}`, decideOn("audit", "fail", 1), []int{1}, []string{"audit_fail"}},
		{"withdrawn", `{"package_id":1,"version":"1","state":"in_review"}`, calling(pathWithdraw, 1), []int{1}, []string{"withdraw"}},
		{
			"released over another", `{"package_id":1,"version":"1","state":"online"},{"package_id":2,"version":"2","state":"approved"}`,
			calling(pathRelease, 2),
			[]int{2},
			[]string{"release", "supersede"},
		},
		{
			"rolled back", `{"package_id":1,"version":"1","state":"superseded"},{"package_id":2,"version":"2","state":"online"}`,
			func(e *emulator.Emulator, token string) {
				calling(pathRollback, 2)(e, token)
				_, _ = e.Sandbox("default").Advance(t.Context(), 3*time.Second)
			},
			[]int{2, 1},
			[]string{"rollback", "rollback_done", "restore"},
		},
		{
			"replaced", `{"package_id":1,"version":"1","state":"development"},{"package_id":2,"version":"2","state":"uploading"}`,
			decideOn("upload", "pass", 2),
			[]int{2},
			[]string{"upload_done", "replace"},
		},
	} {
		broker := &recorder{}
		e := newEmulator(t, func(o *emulator.Options) { o.Broker = broker; o.Manual = true })
		token := credentials(t, e.Sandbox("default")).Authorizer.AccessToken
		if c.packages != "" {
			must[fields](t, e, "POST", box+"/apps/1452365/packages", `{"packages":[`+c.packages+`]}`)
		}
		published(broker)
		c.act(e, token)
		var want []string
		for _, id := range c.told {
			want = append(want, fmt.Sprintf(`1452365 {"code":101,"data":{"app_id":1452365,"package_id":%d}}`, id))
		}
		if got := published(broker); !slices.Equal(got, want) {
			t.Errorf("%s: notices %q, want %q", c.name, got, want)
		}
		for _, entry := range must[struct {
			Entries []struct{ Transition struct{ Name string } }
		}](t, e, "GET", box+"/journal?kind=transition", "").Entries {
			taken[entry.Transition.Name] = true
			if !slices.Contains(c.names, entry.Transition.Name) {
				t.Errorf("%s: took %s", c.name, entry.Transition.Name)
			}
		}
	}
	e := newEmulator(t, nil)
	l, _ := e.Contract().Lifecycle("package")
	for _, tr := range l.Transitions {
		if !taken[tr.Name] {
			t.Errorf("the transition %s was not taken", tr.Name)
		}
	}
}

func upload1(e *emulator.Emulator, token string) {
	inQuery(e, pathUpload, token, "template_id", "1", "ext_json", "{}", "user_version", "1", "user_desc", "d")
}

// calling makes one of the calls on a package.
func calling(path string, id int) func(*emulator.Emulator, string) {
	return func(e *emulator.Emulator, token string) {
		inQuery(e, path, token, "package_id", fmt.Sprint(id), "content", "c")
	}
}

// decideOn decides on a package.
func decideOn(kind, result string, id int) func(*emulator.Emulator, string) {
	return func(e *emulator.Emulator, _ string) {
		reason := map[string]string{"fail": `,"reason":"名称过长"`}[result]
		ask(e, "POST", box+"/decisions", fmt.Sprintf(`{"kind":%q,"result":%q,"package_id":%d%s}`, kind, result, id, reason))
	}
}

// TestNoticesSayNoMoreThanTheirIDs sees that a host has to ask for the rest.
func TestNoticesSayNoMoreThanTheirIDs(t *testing.T) {
	t.Parallel()
	broker := &recorder{}
	e := newEmulator(t, func(o *emulator.Options) { o.Broker = broker })
	must[fields](t, e, "PATCH", box+"/apps/1452365", `{"name":"秘密名称"}`)
	for _, line := range published(broker) {
		if strings.Contains(line, "秘密") || strings.Contains(line, "null") {
			t.Errorf("a notice tells more: %s", line)
		}
	}
}
