package emulator

import (
	"errors"
	"net/http"
	"reflect"
	"slices"

	"github.com/swanemu/emu/internal/spec"
)

// controlOperations is the one table of what the control API does: reading it
// tells everything that is there. An order is an input of its sandbox: logged,
// journaled, replayed. A look reads a sandbox's state at its present time.
// What else there is concerns the process, a whole sandbox or its time.
func controlOperations() []controlOperation {
	return slices.Concat(existenceOperations(), userOperations(), sandboxOperations())
}

// existenceOperations are about the process, its sandboxes, and what exists in
// them but users.
func existenceOperations() []controlOperation {
	return []controlOperation{
		// control_emulator.go
		serves("getHealth", func(c *controlCall, _ None) (controlAnswer, error) { return c.e.health(), nil }),
		serves("getReady", func(c *controlCall, _ None) (controlAnswer, error) { return c.e.ready(c.ctx), nil }),
		serves("getContract", getContract),
		serves("getControlContract", getControlContract),
		serves("getClientScript", getClientScript),
		// control_setup.go
		answers("getSetup", http.StatusOK, getSetup),
		answers("probeAddress", http.StatusOK, probe),
		// control_profile.go
		serves("getMetrics", getMetrics),
		serves("getProfile", getProfile),
		// control_sandboxes.go
		answers("listSandboxes", http.StatusOK, listSandboxes),
		answers("createSandbox", http.StatusCreated, createSandbox),
		answers("getSandbox", http.StatusOK, getSandbox),
		answers("deleteSandbox", http.StatusNoContent, deleteSandbox),
		answers("resetSandbox", http.StatusOK, resetSandbox),
		orders("issueCredentials", http.StatusOK, issueCredentials),
		serves("exportState", exportState),
		takes[State](answers("importState", http.StatusOK, replaceState)),
		// control_apps.go
		looks("listApps", listApps),
		guarded(orders("createApp", http.StatusCreated, createApp), "app_key"),
		looks("getApp", getApp),
		orders("updateApp", http.StatusOK, updateApp),
		looks("listAppPackages", listAppPackages),
		orders("givePackages", http.StatusCreated, givePackages),
		// control_tps.go
		looks("listTPs", listTPs),
		guarded(orders("createTP", http.StatusCreated, createTP), "client_id"),
		looks("getTP", getTP),
		orders("updateTP", http.StatusOK, updateTP),
		orders("authorizeTP", http.StatusCreated, authorizeTP),
		orders("revokeAuthorization", http.StatusNoContent, revokeAuthorization),
		// control_merchants.go
		looks("listMerchants", listMerchants),
		guarded(orders("createMerchant", http.StatusCreated, createMerchant), "app_key"),
		orders("updateMerchant", http.StatusOK, updateMerchant),
		looks("listOrders", listOrders),
		// control_hosts.go
		looks("listHosts", listHosts),
		guarded(orders("createHost", http.StatusCreated, createHost), "ak"),
		looks("getHost", getHost),
		orders("updateHost", http.StatusOK, updateHost),
		orders("addContainer", http.StatusCreated, addContainer),
	}
}

// userOperations are about users, and what reaches them.
func userOperations() []controlOperation {
	return []controlOperation{
		// control_users.go
		looks("listUsers", listUsers),
		orders("createUser", http.StatusCreated, createUser),
		looks("getUser", getUser),
		orders("updateUser", http.StatusOK, updateUser),
		looks("listDevices", listDevices),
		orders("createDevice", http.StatusCreated, createDevice),
		orders("logInUser", http.StatusCreated, logInUser),
		looks("listSessions", listSessions),
		orders("endSession", http.StatusNoContent, endSession),
		// control_scopes.go
		looks("listGrants", listGrants),
		orders("setGrant", http.StatusOK, setGrant),
		orders("clearGrants", http.StatusOK, clearGrantsOrder),
		orders("updateScope", http.StatusOK, updateScope),
		looks("listAnswers", listAnswers),
		orders("queueAnswer", http.StatusCreated, queueAnswer),
		orders("clearAnswers", http.StatusOK, clearAnswers),
		orders("askUser", http.StatusOK, askUser),
		looks("listForms", listForms),
		// control_messages.go
		looks("listUserMessages", listUserMessages),
		looks("listFeedCards", listFeedCards),
		orders("giveMessageTemplate", http.StatusCreated, giveMessageTemplate),
		looks("listSubscriptions", listSubscriptions),
		orders("subscribe", http.StatusCreated, subscribe),
		orders("unsubscribe", http.StatusOK, unsubscribe),
	}
}

// sandboxOperations are about what the platform decides in a sandbox, its
// time, and what it has recorded and sent.
func sandboxOperations() []controlOperation {
	return []controlOperation{
		// control_decisions.go
		looks("listDecisions", listDecisions),
		orders("decide", http.StatusOK, decide),
		orders("clearDecisions", http.StatusOK, clearDecisions),
		looks("getConfig", getConfig),
		orders("updateConfig", http.StatusOK, updateConfig),
		// control_faults.go
		looks("listFaults", listFaults),
		orders("createFault", http.StatusCreated, createFault),
		orders("clearFaults", http.StatusOK, clearFaults),
		// control_clock.go
		looks("getClock", getClock),
		answers("advanceClock", http.StatusOK, advanceClock),
		answers("freezeClock", http.StatusOK, freezeClock),
		answers("setClockRate", http.StatusOK, setClockRate),
		answers("settle", http.StatusOK, settle),
		// control_journal.go
		answers("readJournal", http.StatusOK, readJournal),
		serves("followJournal", followJournal),
		answers("readRecording", http.StatusOK, readRecording),
		// control_deliveries.go
		looks("listDeliveries", listDeliveries),
		then(orders("redeliver", http.StatusOK, redeliver), looks("redeliver", getDelivery)),
		looks("listInbox", listInbox),
	}
}

// controlOrders are the orders of the table, for the sandboxes' logs.
func controlOrders() []behaviour {
	var out []behaviour
	for _, op := range controlOperations() {
		if op.order.run != nil {
			out = append(out, op.order)
		}
	}
	return out
}

// A controlOperation is what is done for one operation of admin.yaml.
type controlOperation struct {
	id   string
	in   reflect.Type // what its parameters are read into
	body reflect.Type // what the body is, where it is taken as it stands; or nil
	// known and knownBody are the shapes of both; they are made with the contract.
	known, knownBody *shape

	run func(*controlCall) (controlAnswer, error)
	// order is what a sandbox applies, for an order.
	order behaviour
	err   error // of the table itself
}

// serves is the table's entry of an operation that makes its whole answer.
func serves[In any](id string, f func(*controlCall, In) (controlAnswer, error)) controlOperation {
	op := controlOperation{id: id, in: reflect.TypeFor[In]()}
	var binder *spec.Binder[In]
	binder, op.err = spec.NewBinder[In]()
	op.run = func(c *controlCall) (controlAnswer, error) {
		in, err := binder.Bind(c.params)
		if err != nil {
			return controlAnswer{}, err
		}
		return f(c, in)
	}
	return op
}

// answers is the table's entry of an operation that answers with a result.
func answers[In, Out any](id string, status int, f func(*controlCall, In) (Out, error)) controlOperation {
	return serves(id, func(c *controlCall, in In) (controlAnswer, error) {
		out, err := f(c, in)
		if err != nil {
			return controlAnswer{}, err
		}
		return success(status, out)
	})
}

// looks is the table's entry of an operation that reads a sandbox's state.
func looks[In, Out any](id string, f func(*Call, In) (Out, error)) controlOperation {
	return answers(id, http.StatusOK, func(c *controlCall, in In) (out Out, err error) {
		lookErr := c.box.look(func(call *Call) { out, err = f(call, in) })
		return out, errors.Join(lookErr, err)
	})
}

// orders is the table's entry of an operation that changes a sandbox's state.
func orders[In, Out any](id string, status int, f func(*Call, In) (Out, error)) controlOperation {
	op := controlOperation{id: id, in: reflect.TypeFor[In](), order: changes(id, f)}
	_, op.err = spec.NewBinder[In]()
	op.run = func(c *controlCall) (controlAnswer, error) {
		data, err := c.box.order(id, c.params, c.trace)
		if err != nil {
			return controlAnswer{}, err
		}
		if status == http.StatusNoContent {
			return controlAnswer{status: status}, nil
		}
		return controlAnswer{status: status, mediaType: mediaJSON, body: data}, nil
	}
	return op
}

// then answers an order with what is to be seen after what it brought about.
func then(order, look controlOperation) controlOperation {
	obey := order.run
	order.run = func(c *controlCall) (controlAnswer, error) {
		if a, err := obey(c); err != nil {
			return a, err
		}
		return look.run(c)
	}
	return order
}

// guarded refuses an order whose credential belongs to another sandbox before
// it is logged, so that a log never depends on what another sandbox has.
func guarded(order controlOperation, credential string) controlOperation {
	obey := order.run
	order.run = func(c *controlCall) (controlAnswer, error) {
		if key := c.params.Text(credential); key != "" {
			if owner := c.e.index.get(key); owner != nil && owner.name != c.box.name {
				return controlAnswer{}, conflict("/"+credential, credential+" belongs to another sandbox; every credential belongs to one")
			}
		}
		return obey(c)
	}
	return order
}

// takes marks an operation whose body is taken as it stands. A member that a
// Body does not have is an error here, where a person may have written it.
func takes[Body any](op controlOperation) controlOperation {
	op.body = reflect.TypeFor[Body]()
	return op
}

// success is the answer with a result, or without any.
func success(status int, out any) (controlAnswer, error) {
	if status == http.StatusNoContent {
		return controlAnswer{status: status}, nil
	}
	body, err := marshal(out)
	return controlAnswer{status: status, mediaType: mediaJSON, body: body}, err
}

// look runs f on the state at the present time. What falls due until then
// happens first; f itself changes nothing.
func (s *Sandbox) look(f func(*Call)) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errClosed
	}
	now := s.tickLocked()
	f(&Call{Now: now, State: s.state, box: s})
	s.unlock()
	return nil
}

// secretParams are the names of parameters that are shown nowhere; admin.yaml
// marks them x-secret.
func secretParam(name string) bool {
	switch name {
	case "app_secret", "sk", "encoding_aes_key", "token", "push_url", "authorization_url", "pre_auth_code",
		"url", "hsk",
		"notify_url", "refund_audit_url", "refund_notify_url":
		return true
	}
	return false
}

// controlParams is how the journal shows the parameters of an order.
func controlParams(params spec.Params) map[string]any {
	out := make(map[string]any, len(params))
	for _, p := range params {
		switch {
		case p.Name == "sandbox" && p.In == spec.InPath:
		case secretParam(p.Name):
			out[p.Name] = redacted
		case p.JSON != nil:
			out[p.Name] = p.JSON
		default:
			out[p.Name] = p.Text
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
