package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Who calls: developers, third-party platforms, the alliance, and the tokens
// that the engine gets for them as a client would.

// The roles of an actor.
const (
	roleAuthorizer = "authorizer"
	roleTP         = "tp"
	roleDeveloper  = "developer"
	roleHost       = "host"
	roleNobody     = "nobody"
)

// actor is who calls.
type actor struct {
	role    string
	app, tp int64
}

// String is who it is, for the timeline.
func (a actor) String() string {
	switch a.role {
	case roleAuthorizer:
		return fmt.Sprintf("tp for %d", a.app)
	case roleDeveloper:
		return fmt.Sprintf("dev of %d", a.app)
	case roleHost:
		return "alliance"
	case roleTP:
		return "tp"
	}
	return "somebody"
}

type appActor struct {
	ID     int64   `json:"app_id"`
	Key    string  `json:"app_key"`
	Secret string  `json:"app_secret"`
	TPs    []int64 `json:"tps"`
}

type tpActor struct {
	ID       int64  `json:"tp_id"`
	ClientID string `json:"client_id"`
	Ticket   string `json:"ticket"`
	Next     string `json:"next_ticket"`
}

// credentials are what the control API answers for a new sandbox.
type credentials struct {
	Sandbox    string `json:"sandbox"`
	AdminToken string `json:"admin_token"`
	App        struct {
		ID int64 `json:"app_id"`
	} `json:"app"`
	TP struct {
		ID          int64  `json:"tp_id"`
		AccessToken string `json:"access_token"`
	} `json:"tp"`
	Authorizer struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	} `json:"authorizer"`
	Host struct {
		AK          string      `json:"ak"`
		SK          string      `json:"sk"`
		OfficalNo   json.Number `json:"offical_no"`
		ContainerNo json.Number `json:"container_no"`
	} `json:"host"`
}

// remember keeps what a new sandbox came with.
func (e *engine) remember(c *credentials) {
	e.tokens[actor{role: roleTP, tp: c.TP.ID}] = c.TP.AccessToken
	e.tokens[actor{role: roleAuthorizer, app: c.App.ID, tp: c.TP.ID}] = c.Authorizer.AccessToken
	e.vars["tp_access_token"] = c.TP.AccessToken
	e.vars["access_token"], e.vars["refresh_token"] = c.Authorizer.AccessToken, c.Authorizer.RefreshToken
	e.vars["ak"], e.vars["sk"] = c.Host.AK, c.Host.SK
	e.vars["offical_no"], e.vars["container_no"] = c.Host.OfficalNo, c.Host.ContainerNo
}

// introduce learns who there is. Those that are given come first, in their
// order.
func (e *engine) introduce(ctx context.Context) error {
	var apps struct {
		Apps []appActor `json:"apps"`
	}
	var tps struct {
		TPs []tpActor `json:"tps"`
	}
	if err := e.box.order(ctx, http.MethodGet, "/apps", nil, &apps); err != nil {
		return err
	}
	if err := e.box.order(ctx, http.MethodGet, "/tps", nil, &tps); err != nil {
		return err
	}
	var appIDs, tpIDs []int64
	for _, a := range e.s.Given.Apps {
		appIDs = append(appIDs, a.AppID)
	}
	for _, tp := range e.s.Given.TPs {
		tpIDs = append(tpIDs, tp.TPID)
	}
	slices.SortStableFunc(apps.Apps, func(a, b appActor) int { return place(appIDs, a.ID) - place(appIDs, b.ID) })
	slices.SortStableFunc(tps.TPs, func(a, b tpActor) int { return place(tpIDs, a.ID) - place(tpIDs, b.ID) })
	e.apps, e.tps = apps.Apps, tps.TPs
	for i, a := range e.apps {
		e.vars[fmt.Sprintf("apps.%d.app_key", a.ID)], e.vars[fmt.Sprintf("apps.%d.app_secret", a.ID)] = a.Key, a.Secret
		if i == 0 {
			e.vars["app_id"], e.vars["app_key"], e.vars["app_secret"] = jsonInt(a.ID), a.Key, a.Secret
		}
	}
	for i, tp := range e.tps {
		e.vars[fmt.Sprintf("tps.%d.client_id", tp.ID)], e.vars[fmt.Sprintf("tps.%d.ticket", tp.ID)] = tp.ClientID, tp.Ticket
		if i == 0 {
			e.vars["tp_id"], e.vars["tp_client_id"], e.vars["ticket"] = jsonInt(tp.ID), tp.ClientID, tp.Ticket
		}
	}
	return nil
}

// refresh learns what time it is, and the present tickets where they change.
func (e *engine) refresh(ctx context.Context) error {
	if _, err := e.clockNow(ctx); err != nil {
		return err
	}
	if slices.ContainsFunc(e.tps, func(tp tpActor) bool { return tp.Next != "" }) {
		return e.introduce(ctx)
	}
	return nil
}

// place is where an id stands in a list; those that do not come last.
func place(ids []int64, id int64) int {
	if i := slices.Index(ids, id); i >= 0 {
		return i
	}
	return len(ids)
}

// predefined lists the variables that are set before the first step; their
// values come once the sandbox is there.
func predefined(apps, tps []int64) scope {
	out := scope{}
	for _, name := range []string{
		"app_id", "app_key", "app_secret", "tp_id", "tp_client_id", "ticket", "ak", "sk", "offical_no", "container_no",
		"tp_access_token", "access_token", "refresh_token", "huid", "openid", "unionid",
		"deal_id", "pay_app_key",
	} {
		out[name] = ""
	}
	for _, id := range apps {
		for _, name := range []string{"app_key", "app_secret"} {
			out[fmt.Sprintf("apps.%d.%s", id, name)] = ""
		}
	}
	for _, id := range tps {
		for _, name := range []string{"client_id", "ticket"} {
			out[fmt.Sprintf("tps.%d.%s", id, name)] = ""
		}
	}
	return out
}

func jsonInt(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

func splitDots(s string) iter.Seq[string] { return strings.SplitSeq(s, ".") }

// firstApp and firstTP are who is meant where nobody is named.
func (e *engine) firstApp() int64 {
	if len(e.apps) == 0 {
		return defaultApp
	}
	return e.apps[0].ID
}

func (e *engine) firstTP() int64 {
	if len(e.tps) == 0 {
		return defaultTP
	}
	return e.tps[0].ID
}

func or(id, otherwise int64) int64 {
	if id != 0 {
		return id
	}
	return otherwise
}

// actorFor decides who makes a call.
func (e *engine) actorFor(op *operation, as *Actor) actor {
	if as == nil {
		as = &Actor{}
	}
	role := as.Role
	if role == "" {
		switch may := op.principals; {
		case len(may) == 0:
			role = roleNobody
		case as.AppID != 0 && slices.Contains(may, roleDeveloper):
			role = roleDeveloper
		default:
			role = may[0]
		}
	}
	a := actor{role: role}
	switch role {
	case roleTP:
		a.tp = or(as.TPID, e.firstTP())
	case roleDeveloper:
		a.app = or(as.AppID, e.firstApp())
	case roleAuthorizer:
		a.app, a.tp = or(as.AppID, e.firstApp()), as.TPID
		if a.tp == 0 {
			a.tp = e.actingFor(a.app)
		}
	}
	return a
}

// actingFor is the first third-party platform that may act for an app.
func (e *engine) actingFor(app int64) int64 {
	for _, a := range e.apps {
		if a.ID != app {
			continue
		}
		for _, tp := range e.tps {
			if slices.Contains(a.TPs, tp.ID) {
				return tp.ID
			}
		}
	}
	return e.firstTP()
}

// token returns an access token for an actor, a new one where there is none
// or where the last has ended.
func (e *engine) token(ctx context.Context, a actor) (string, error) {
	if a.role == roleNobody {
		return "", nil
	}
	if t := e.tokens[a]; t != "" {
		if end := expires(t); end.IsZero() || e.now.Before(end) {
			return t, nil
		}
	}
	was := e.own
	e.own = true
	t, err := e.issue(ctx, a)
	if err == nil {
		err = e.sync(ctx)
	}
	e.own = was
	if err != nil {
		return "", fmt.Errorf("get a token for %s: %w", a, err)
	}
	e.tokens[a] = t
	return t, nil
}

// issue gets a token the way a client would.
func (e *engine) issue(ctx context.Context, a actor) (string, error) {
	switch a.role {
	case roleDeveloper:
		i := slices.IndexFunc(e.apps, func(one appActor) bool { return one.ID == a.app })
		if i < 0 {
			return "", fmt.Errorf("there is no app %d", a.app)
		}
		return e.fetchToken(ctx, "issueAccessToken", "access_token", map[string]any{
			"grant_type": "client_credentials", "client_id": e.apps[i].Key, "client_secret": e.apps[i].Secret,
		})
	case roleHost:
		return e.fetchToken(ctx, "issueAccessToken", "access_token", map[string]any{
			"grant_type": "client_credentials", "client_id": e.vars["ak"], "client_secret": e.vars["sk"],
		})
	case roleTP:
		var tp tpActor
		if err := e.box.order(ctx, http.MethodGet, fmt.Sprintf("/tps/%d", a.tp), nil, &tp); err != nil {
			return "", err
		}
		return e.fetchToken(ctx, "getTPAccessToken", "data.access_token", map[string]any{
			"client_id": tp.ClientID, "ticket": tp.Ticket,
		})
	}
	var code struct {
		Code string `json:"authorization_code"`
	}
	order := map[string]any{"tp_id": a.tp, "app_id": a.app}
	if err := e.box.order(ctx, http.MethodPost, "/authorizations", order, &code); err != nil {
		return "", err
	}
	token, err := e.token(ctx, actor{role: roleTP, tp: a.tp})
	if err != nil {
		return "", err
	}
	return e.fetchToken(ctx, "exchangeOAuthToken", "access_token", map[string]any{
		"grant_type": "app_to_tp_authorization_code", "code": code.Code, "access_token": token,
	})
}

func (e *engine) fetchToken(ctx context.Context, operation, path string, with map[string]any) (string, error) {
	op := e.contract.operations[operation]
	if op == nil {
		return "", fmt.Errorf("the target has no operation %s", operation)
	}
	a, err := e.send(ctx, op, with, "", "")
	if err != nil {
		return "", err
	}
	if a.broken != "" {
		return "", fmt.Errorf("%s: %s", operation, a.broken)
	}
	token, err := lookup(a.body, path)
	if err != nil {
		return "", fmt.Errorf("%s was refused: %s", operation, e.refusalText(a))
	}
	return textOf(token), nil
}
