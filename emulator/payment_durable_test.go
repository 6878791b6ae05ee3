package emulator_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// TestRestartOwesWhatTheMerchantNeverTook kills an emulator between the
// attempts of a notification, in the middle of a payment and of refunds.
func TestRestartOwesWhatTheMerchantNeverTook(t *testing.T) {
	dir := t.TempDir()
	e, _ := open(t, dir, nil)
	k := &market{TB: t, e: e}
	k.open(false)
	k.m.answer("/notify", "500", "500", answerConsumed, "500", "500")
	k.m.answer("/audit", "500", "500")
	k.pay("x", 1000)
	must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"payment","result":"paid","after":"5m"}`)
	k.pay("slow", 1)
	k.refund("x", "b1").data(t, new(any))
	advance(t, k.s, 3*time.Minute) // two attempts each
	before := []string{
		"/notify x status 2", "/audit x applyRefundMoney 1000", "/notify x status 2", "/audit x applyRefundMoney 1000",
	}
	if diff := cmp.Diff(before, k.m.take()); diff != "" {
		t.Fatalf("before the kill (-want +got):\n%s", diff)
	}
	was := state(t, e)

	again, _ := open(t, killed(t, dir), nil)
	if diff := cmp.Diff(was, state(t, again)); diff != "" {
		t.Errorf("after a kill (-before +after):\n%s", diff)
	}
	k.e, k.s = again, again.Sandbox(emulator.DefaultSandbox)
	advance(t, k.s, 27*time.Minute)
	after := []string{
		"/notify x status 2", "/notify slow status 2", "/audit x applyRefundMoney 1000", "/refund x refundStatus 1",
		"/notify slow status 2", "/notify slow status 2",
	}
	if diff := cmp.Diff(after, k.m.take()); diff != "" {
		t.Errorf("after the kill (-want +got):\n%s", diff)
	}
	if x, slow := k.order("x"), k.order("slow"); x.State != "refunded" || slow.State != "consumed" {
		t.Errorf("x is %s, slow is %s", x.State, slow.State)
	}
}

// TestRestartKeepsWhatMerchantsAnswered: an answer is not asked for again.
func TestRestartKeepsWhatMerchantsAnswered(t *testing.T) {
	dir := t.TempDir()
	e, end := open(t, dir, nil)
	k := &market{TB: t, e: e}
	k.open(false)
	k.m.answer("/audit", auditPasses(300))
	k.pay("x", 1000)
	advance(t, k.s, 0)
	k.refund("x", "b1").data(t, new(any))
	advance(t, k.s, time.Hour)
	k.m.take()
	was := state(t, e)
	for range 2 { // from the log, then from the snapshot that the end leaves
		copied, endCopy := open(t, killed(t, dir), nil)
		if diff := cmp.Diff(was, state(t, copied)); diff != "" {
			t.Errorf("after a kill (-before +after):\n%s", diff)
		}
		endCopy()
		end()
	}
	again, _ := open(t, dir, nil)
	k.e, k.s = again, again.Sandbox(emulator.DefaultSandbox)
	advance(t, k.s, 24*time.Hour)
	if got := k.m.take(); len(got) > 0 {
		t.Errorf("told again: %v", got)
	}
	if o := k.order("x"); o.refundState() != "consumed, 300 back; b1 succeeded 300 of 1000" {
		t.Errorf("the order is %s", o.refundState())
	}
}

// TestPaymentsRepeat does the same twice: the same seed, the same calls, the
// same numbers and signatures.
func TestPaymentsRepeat(t *testing.T) {
	run := func() (journal []byte, told []string) {
		k := newMarket(t, true, nil)
		k.pay("x", 1000)
		k.refund("x", "b1", "applyRefundMoney", "10").data(t, new(any))
		advance(t, k.s, time.Minute)
		k.bills("capitaBill", k.token, "2026-01-05")
		messages, err := k.s.Inbox(0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range messages {
			told = append(told, in.Raw)
		}
		return ask(k.e, "GET", box+"/journal?limit=1000", "").body, told
	}
	journal, told := run()
	again, toldAgain := run()
	if diff := cmp.Diff(told, toldAgain); diff != "" || len(told) != 3 {
		t.Errorf("told %d times (-first +second):\n%s", len(told), diff)
	}
	if diff := cmp.Diff(string(journal), string(again)); diff != "" {
		t.Errorf("journal (-first +second):\n%s", diff)
	}
}
