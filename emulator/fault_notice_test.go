package emulator_test

import (
	"testing"
	"time"
)

// Faults on notices, and on both channels and a call together.

func TestNoticesDisturbed(t *testing.T) {
	first := []string{"55001 at 09:00:03", "55001 at 09:00:03", "55001 at 09:00:08", "55001 at 09:00:08"}
	for _, c := range []struct {
		fault string
		want  []string // within the first minute
		later []string
	}{
		{`"do":"drop","transition":"upload_done"`, first[1:], nil},
		{`"do":"drop","times":-1`, nil, nil},
		{`"do":"delay","delay":"2h","transition":"submit_audit"`, []string{first[0], first[2], first[3]}, first[1:2]},
		{`"do":"duplicate","transition":"audit_pass"`, []string{first[0], first[1], first[2], first[2], first[3]}, nil},
		{`"do":"duplicate","times":-1`, []string{first[0], first[0], first[1], first[1], first[2], first[2], first[3], first[3]}, nil},
		{`"do":"reorder","transition":"submit_audit"`, []string{first[0], first[2], first[1], first[3]}, nil},
		{`"do":"reorder","transition":"release"`, first[:3], first[3:]},
	} {
		t.Run(c.fault, func(t *testing.T) {
			st := newStage(t, true)
			script(t, st.e, `{"on":"kafka",`+c.fault+`}`)
			st.version("1.0.0")
			st.want("notices", st.notices(), c.want...)
			advance(t, st.s, 3*time.Hour)
			st.want("notices later", st.notices(), c.later...)
			if found := mismatches(st.s); len(found) > 0 {
				t.Error(found)
			}
		})
	}
}

// TestNoticeDoubledAndHalfPublished has the broker take one copy and not the
// other: what is still owed is shown as owed, and comes.
func TestNoticeDoubledAndHalfPublished(t *testing.T) {
	st := newStage(t, true)
	script(t, st.e, `{"on":"kafka","do":"duplicate"}`)
	st.broker.failNext(st.c.Topic, 1)
	upload(t, st.e, st.c.Authorizer.AccessToken, "1.0.0")
	advance(t, st.s, 3*time.Second)
	st.want("notices", st.notices(), "55001 at 09:00:03")
	if d := deliveries(t, st.e, ""); len(d) != 1 || d[0].Status != "due" || d[0].Next != "2026-01-05T09:00:04+08:00" {
		t.Errorf("%+v", d)
	}
	advance(t, st.s, time.Second)
	st.want("notices", st.notices(), "55001 at 09:00:03")
	if d := deliveries(t, st.e, ""); d[0].Status != "delivered" || d[0].Error != "" {
		t.Errorf("%+v", d)
	}
}

// TestChannelsApart disturbs one channel and not the other, or both.
func TestChannelsApart(t *testing.T) {
	all := []string{"55001 at 09:00:03", "55001 at 09:00:03", "55001 at 09:00:08", "55001 at 09:00:08"}
	push := "09:00:08 PASS of 09:00:08"
	t.Run("push sent, notice lost", func(t *testing.T) {
		st := newStage(t, false)
		script(t, st.e, `{"on":"kafka","do":"drop","transition":"audit_pass"}`)
		st.version("1.0.0")
		st.want("pushes", st.pushes(), push)
		st.want("notices", st.notices(), all[:3]...)
	})
	t.Run("notice first, push later", func(t *testing.T) {
		st := newStage(t, false)
		script(t, st.e, `{"on":"push","do":"delay","event":"PACKAGE_AUDIT_PASS","delay":"1h"}`)
		st.version("1.0.0")
		st.want("notices", st.notices(), all...)
		st.want("pushes", st.pushes())
		advance(t, st.s, time.Hour)
		st.want("pushes", st.pushes(), "10:00:08 PASS of 09:00:08")
	})
	t.Run("push first, notice later", func(t *testing.T) {
		st := newStage(t, false)
		script(t, st.e, `{"on":"kafka","do":"delay","transition":"audit_pass","delay":"1h"}`)
		st.version("1.0.0")
		st.want("pushes", st.pushes(), push)
		st.want("notices", st.notices(), all[0], all[1], all[3])
		advance(t, st.s, time.Hour)
		st.want("notices", st.notices(), all[2])
	})
	t.Run("both doubled", func(t *testing.T) {
		st := newStage(t, false)
		script(t, st.e, `{"on":"kafka","do":"duplicate","transition":"audit_pass"}`)
		script(t, st.e, `{"on":"push","do":"duplicate","transition":"audit_pass"}`)
		st.version("1.0.0")
		st.want("pushes", st.pushes(), push, push)
		st.want("notices", st.notices(), all[0], all[1], all[2], all[2], all[3])
	})
	t.Run("released, although the caller got an error", func(t *testing.T) {
		st := newStage(t, false)
		id := approve(t, st.e, st.c, "1.0.0")
		st.notices()
		script(t, st.e, `{"on":"call","do":"refuse","operation":"releasePackage","error":"NetworkBusy","applied":true}`)
		if a := post(st.e, pathRelease, "access_token", st.c.Authorizer.AccessToken, "package_id", id); a.code() != 500 {
			t.Errorf("the caller: %s", a.body)
		}
		st.want("notices", st.notices(), all[3])
		if p := packagesOf(t, st.e, st.c.App.AppID); p[0].State != "online" {
			t.Errorf("%+v", p)
		}
	})
}
