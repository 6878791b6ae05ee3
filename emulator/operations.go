package emulator

import (
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"

	"github.com/swanemu/emu/internal/spec"
)

// platformBehaviours is the one table of what the emulator does beyond the
// contract: reading it tells everything that is there. A call that is in the
// contract and not here is answered from its examples and schemas.
func platformBehaviours() []behaviour {
	return slices.Concat(appBehaviours(), serviceBehaviours())
}

// appBehaviours are of tokens, users, packages and apps.
func appBehaviours() []behaviour {
	return []behaviour{
		// oauth.go
		changes("issueAccessToken", issueAccessToken),
		// tp.go
		changes("getTPAccessToken", getTPAccessToken),
		changes("createPreAuthCode", createPreAuthCode),
		changes("exchangeOAuthToken", exchangeOAuthToken),
		changes("retrieveAuthorizationCode", retrieveAuthorizationCode),
		// sessionkey.go
		changes("exchangeLoginCode", exchangeLoginCode),
		asks("exchangeJSCode", askForJSCode, exchangeJSCode),
		asks("getSessionKeyByCode", askForAuthorizedCode, getSessionKeyByCode),
		asks("getSessionKey", askForTokenCode, getSessionKey),
		changes("exchangeHostCode", exchangeHostCode),
		reads("getUnionID", getUnionID),
		reads("getAuthorizedUnionID", getAuthorizedUnionID),
		// swanid.go
		reads("verifySwanID", verifySwanID),
		changes("signSwanID", signSwanID),
		// packages.go
		changes("uploadPackage", uploadPackage),
		changes("submitPackageAudit", submitPackageAudit),
		changes("releasePackage", releasePackage),
		changes("rollbackPackage", rollbackPackage),
		changes("withdrawPackageAudit", withdrawPackageAudit),
		reads("listPackages", listPackages),
		reads("getPackageDetail", getPackageDetail),
		reads("getAuditQuota", getAuditQuota),
		// hostapi.go
		changes("loginHostUser", loginHostUser),
		changes("accreditHostUser", accreditHostUser),
		changes("authorizeHostUser", authorizeHostUser),
		changes("checkHostSession", checkHostSession),
		reads("getHostSwanId", getHostSwanID),
		changes("getHostOpenData", getHostOpenData),
		reads("updateHostScopes", updateHostScopes),
		changes("clearHostScopes", clearHostScopes),
		changes("listHostAddresses", listHostAddresses),
		changes("listHostInvoices", listHostInvoices),
		changes("createHostFormId", createHostFormID),
		// apps.go
		reads("getAppInfo", getAppInfo),
		reads("getOSSAppInfo", getOSSAppInfo),
		reads("listOSSPackages", listOSSPackages),
		reads("getOSSPackageDetail", getOSSPackageDetail),
	}
}

// serviceBehaviours are of messages, feeds and payment.
func serviceBehaviours() []behaviour {
	return []behaviour{
		// services.go, feeds.go
		changes("sendUnicastMessage", sendUnicastMessage),
		changes("sendMulticastMessage", sendMulticastMessage),
		changes("sendFeedCard", sendFeedCard),
		// messagetemplates.go
		reads("listMessageTemplateLibrary", listTemplateLibrary),
		reads("listMessageTemplateLibraryByTP", listTemplateLibrary),
		reads("getMessageTemplateKeywords", getTemplateKeywords),
		reads("getMessageTemplateKeywordsByTP", getTemplateKeywords),
		changes("addMessageTemplate", addMessageTemplate),
		changes("addMessageTemplateByTP", addMessageTemplate),
		reads("listMessageTemplates", listMessageTemplates),
		reads("listMessageTemplatesByTP", listMessageTemplates),
		changes("deleteMessageTemplate", deleteMessageTemplate),
		changes("deleteMessageTemplateByTP", deleteMessageTemplate),
		// templatemessages.go
		changes("sendTemplateMessage", sendTemplateMessage),
		changes("sendTemplateMessageByTP", sendTemplateMessage),
		changes("sendSubscriptionMessage", sendSubscriptionMessage),
		changes("sendCustomerMessage", sendCustomerMessage),
		changes("sendCustomerMessageByTP", sendCustomerMessage),
		// payment.go
		changes("requestPolymerPayment", requestPolymerPayment),
		reads("getPolymerPayment", getPolymerPayment),
		// payment_orders.go
		reads("findByTpOrderId", findByTpOrderID),
		reads("findByTpOrderIdForApp", findByTpOrderIDForApp),
		changes("cancelOrder", cancelOrder),
		// payment_refunds.go
		changes("applyOrderRefund", applyOrderRefund),
		reads("findOrderRefund", findOrderRefund),
		// payment_bills.go
		reads("getOrderBill", getOrderBill),
		reads("getCapitalBill", getCapitalBill),
		reads("downloadBill", downloadBill),
		// messages.go
		reads("listPushMessages", listPushMessages),
	}
}

// reads is the table's entry of a call that changes nothing.
func reads[In, Out any](call string, f func(*Call, In) (Out, error)) behaviour {
	return bind(call, f)
}

// changes is the table's entry of a call that may change the state.
func changes[In, Out any](call string, f func(*Call, In) (Out, error)) behaviour {
	b := bind(call, f)
	b.changes = true
	return b
}

// asks is changes for a call before which a host may have to be asked; ask says
// what, and the call finds the answer in its Call.
func asks[In, Out any](call string, ask func(*Call, In) *hostQuestion, f func(*Call, In) (Out, error)) behaviour {
	b := changes(call, f)
	binder, bad := spec.NewBinder[In]()
	b.asks = func(c *Call, p spec.Params) *hostQuestion {
		if bad != nil {
			return nil
		}
		in, err := binder.Bind(p)
		if err != nil {
			return nil
		}
		return ask(c, in)
	}
	return b
}

func bind[In, Out any](call string, f func(*Call, In) (Out, error)) behaviour {
	out := reflect.TypeFor[Out]()
	b := behaviour{call: call, none: out == reflect.TypeFor[None]()}
	b.lacks = func(op *spec.Operation, data string) bool {
		return !b.none && out != reflect.TypeFor[encoded]() && op.Incomplete(out, data)
	}
	binder, err := spec.NewBinder[In]()
	b.run = func(c *Call, p spec.Params, form *successForm) ([]byte, error) {
		if err != nil {
			return nil, err
		}
		in, err := binder.Bind(p)
		if err != nil {
			return nil, err
		}
		result, err := f(c, in)
		if err != nil {
			return nil, err
		}
		if b.none {
			return form.wrap(nil), nil
		}
		if whole, ok := any(result).(encoded); ok {
			return whole, nil
		}
		data, err := marshal(result)
		return form.wrap(data), err
	}
	return b
}

// safely runs the behaviour; a panic, which is a fault of ours, becomes an
// error with its place in the log.
func (b *behaviour) safely(c *Call, p spec.Params, form *successForm) (body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.box.em.opt.Logger.Error("panic in a behaviour", "operation", b.call, "panic", p, "stack", string(debug.Stack()))
			if c.exchange != nil {
				c.exchange.broken = true
			}
			body, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	return b.run(c, p, form)
}

// table holds the behaviours of a contract by operationId, twins included.
type table map[string]*behaviour

// newTable binds behaviours to the operations of a contract. A behaviour
// without an operation is a fault of the table.
func newTable(c *spec.Contract, behaviours []behaviour) (table, error) {
	byCall := make(map[string]*behaviour, len(behaviours))
	for i := range behaviours {
		byCall[behaviours[i].call] = &behaviours[i]
	}
	t := table{}
	for _, op := range c.Operations() {
		b := byCall[op.Call()]
		if b == nil {
			continue
		}
		t[op.ID] = b
		if b.changes && op.Method == http.MethodGet && !op.Changes {
			return nil, fmt.Errorf("behaviour %s changes the state, but the GET %s of the contract has no x-changes", b.call, op.ID)
		}
		if env, ok := c.Envelope(op.Envelope); ok {
			b.complete = b.complete || b.lacks(op, env.Data)
		}
	}
	for call := range byCall {
		if t[call] == nil {
			return nil, fmt.Errorf("behaviour %s: the contract has no operation of that name", call)
		}
	}
	return t, nil
}
