package contracttest

import (
	"context"
	"fmt"
)

// The flows of seed 003: what is asked, agreed to, refused, and what data comes
// of it.

func hostAsks(ctx context.Context, p *probe) error {
	if _, err := p.ready(ctx); err != nil {
		return err
	}
	out, err := p.opened(ctx, scopeUserInfo)
	if err != nil {
		return err
	}
	p.saw("host.ask")
	if out.has() {
		p.wrong(opHostOpenData, "/data/opendata", "open data has data although nobody has agreed", "no opendata", "there")
	}
	if out.Scope.Forbidden == "true" {
		p.dropped = "the host denies the app " + scopeUserInfo
		return nil
	}
	if out.Scope.Permit != "false" || out.Scope.TipStatus != "0" {
		p.wrong(opHostOpenData, "/data/scope", "the scope does not make the client ask", `permit "false" and tip_status "0"`,
			fmt.Sprintf("permit %q and tip_status %q", out.Scope.Permit, out.Scope.TipStatus))
	}
	return nil
}

func hostAccredits(ctx context.Context, p *probe) error {
	if _, err := p.ready(ctx); err != nil {
		return err
	}
	out, err := p.answer(ctx, opHostAccredit, true, scopeUserInfo)
	if err != nil {
		return err
	}
	if p.saw("host.accredit"); !out.has() {
		p.wrong(opHostAccredit, "/data/opendata", "accredit has no data although the user has agreed", "the data", "no opendata")
	}
	return p.nowOpen(ctx, "host.accredit")
}

func hostAuthorizes(ctx context.Context, p *probe) error {
	if _, err := p.ready(ctx); err != nil {
		return err
	}
	out, err := p.answer(ctx, opHostAuthorize, true, scopeUserInfo)
	if err != nil {
		return err
	}
	if p.saw("host.authorize"); out.has() {
		p.wrong(opHostAuthorize, "/data/opendata", "authorize returns data", "no opendata", "there")
	}
	return p.nowOpen(ctx, "host.authorize")
}

// nowOpen asks for the data that the user has agreed to.
func (p *probe) nowOpen(ctx context.Context, check string) error {
	out, err := p.opened(ctx, scopeUserInfo)
	if err != nil {
		return err
	}
	if p.saw(check); !out.has() || out.Scope.Permit != "true" {
		p.fail(Finding{
			Check: check, Operation: opHostOpenData, ValuePointer: "/data/opendata", Evidence: documented3(),
			Message: "open data has no data although the user has agreed", Expected: "the data", Actual: "no opendata",
		})
	}
	return nil
}

// refuseHost has the user refuse, at once or after having agreed.
func (p *probe) refuseHost(ctx context.Context, call string, agreed bool) error {
	if _, err := p.ready(ctx); err != nil {
		return err
	}
	if agreed {
		if _, err := p.answer(ctx, call, true, scopeUserInfo); err != nil {
			return err
		}
	}
	out, err := p.answer(ctx, call, false, scopeUserInfo)
	if err != nil {
		return err
	}
	if p.saw("host.refuse"); out.has() {
		p.wrong(call, "/data/opendata", "a refusal brings data", "no opendata", "there")
	}
	later, err := p.opened(ctx, scopeUserInfo)
	if err != nil {
		return err
	}
	if later.has() || later.Scope.Permit != "false" || later.Scope.TipStatus == "1" {
		p.wrong(opHostOpenData, "/data/scope", "what the user has refused is granted", `permit "false" and no opendata`,
			fmt.Sprintf("permit %q, tip_status %q, opendata %s", later.Scope.Permit, later.Scope.TipStatus, thereOrNot(later.has())))
	}
	return nil
}

func thereOrNot(there bool) string {
	if there {
		return "there"
	}
	return "missing"
}

func hostGivesOnce(ctx context.Context, p *probe) error {
	if _, err := p.ready(ctx); err != nil {
		return err
	}
	before, err := p.opened(ctx, scopeMobile)
	if err != nil {
		return err
	}
	if before.Scope.Grade != "1" || before.Scope.Forbidden == "true" {
		p.dropped = "the host does not ask for the telephone number each time, or denies it to the app"
		return nil
	}
	if _, err := p.answer(ctx, opHostAuthorize, true, scopeMobile); err != nil {
		return err
	}
	first, err := p.opened(ctx, scopeMobile)
	if err != nil {
		return err
	}
	if !first.has() {
		p.dropped = "the user has no telephone number"
		return nil
	}
	second, err := p.opened(ctx, scopeMobile)
	if err != nil {
		return err
	}
	if p.saw("host.once"); second.has() {
		p.fail(Finding{
			Operation: opHostOpenData, ValuePointer: "/data/opendata", Expected: "no opendata", Actual: "there",
			Message: "what is to be asked for each time is given again",
		})
	}
	return nil
}
