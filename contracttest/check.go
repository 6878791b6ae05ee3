package contracttest

import "slices"

// A Check is one kind of question that is put to a server.
type Check struct {
	// ID is stable: reports and files of known deviations name it.
	ID string
	// Explain says in one line what holds when it passes.
	Explain string
	// Needs are what it cannot be run without.
	Needs []Need
	// Changes is the mildest mode that allows it; an operation that changes
	// something asks for more.
	Changes Mode
	// Traffic says that an Observer asks it, and the suite does not.
	Traffic bool
	// cases makes the check's cases; nil for what is looked at in passing, in
	// every exchange or inside another check's cases.
	cases func(*suite) []work
}

// Checks lists all checks, in the order in which they run. The first ones are
// looked at in every answer.
func Checks() []Check {
	return slices.Concat(passing(), hostPassing(), trafficChecks(), inputChecks(), tokenChecks(), stateChecks(), merchantChecks(), refundChecks(), hostChecks())
}

// The checks that are looked at in passing.
func passing() []Check {
	return []Check{
		{ID: "response.delivered", Explain: "Every request is answered, and none with a fault of the server.", Changes: ReadOnly},
		{ID: "response.status", Explain: "The HTTP status is one that the operation declares.", Changes: ReadOnly},
		{ID: "response.media-type", Explain: "The Content-Type is one that the operation declares.", Changes: ReadOnly},
		{ID: "response.json", Explain: "The body is one whole JSON value with nothing after it.", Changes: ReadOnly},
		{ID: "response.duplicate-keys", Explain: "No object of the answer has a member twice.", Changes: ReadOnly},
		{ID: "response.envelope", Explain: "An error is one of the catalogue that the operation may answer, in its own envelope.", Changes: ReadOnly},
		{ID: "response.schema", Explain: "The body matches the operation's schema.", Changes: ReadOnly},
		{ID: "response.headers", Explain: "An error carries the headers that the catalogue asks for.", Changes: ReadOnly},
		{ID: "response.secrets", Explain: "No answer repeats a secret that was sent, or tells one that nobody asked for.", Changes: ReadOnly},
		{ID: "list.slots", Explain: "A list has one package in each place of the lifecycle at most, one online above all.", Needs: []Need{NeedAuthorizer}, Changes: ReadOnly},
		{ID: "list.ids", Explain: "No two rows of a list have the same package_id.", Needs: []Need{NeedAuthorizer}, Changes: ReadOnly},
	}
}

// The checks of an Observer, beside those that are looked at in passing.
func trafficChecks() []Check {
	return []Check{
		{ID: "request.path", Explain: "The client calls paths and methods that the contract has.", Traffic: true, Changes: ReadOnly},
		{ID: "request.valid", Explain: "The client's parameters are valid as the contract reads them.", Traffic: true, Changes: ReadOnly},
		{ID: "request.token", Explain: "The client's call carries a token where one is needed.", Traffic: true, Changes: ReadOnly},
		{ID: "request.accepted", Explain: "The server refuses a request that breaks the contract.", Traffic: true, Changes: ReadOnly},
		{ID: "request.refused", Explain: "The server does not refuse a valid request for its form.", Traffic: true, Changes: ReadOnly},
		{ID: "traffic.lifecycle", Explain: "From list to list a package is only in states that its steps lead to.", Traffic: true, Changes: ReadOnly},
		{ID: "traffic.ids", Explain: "From list to list a package_id stands for the same package.", Traffic: true, Changes: ReadOnly},
		{ID: "traffic.parameter", Explain: "The client uses no parameter that the contract does not have.", Traffic: true, Changes: ReadOnly},
		{ID: "traffic.field", Explain: "The server's answer has no member that the contract does not describe.", Traffic: true, Changes: ReadOnly},
	}
}

func inputChecks() []Check {
	return []Check{
		{ID: "input.placement", Explain: "A valid request is accepted wherever its parameters may stand.", Changes: ReadOnly, cases: placementCases},
		{ID: "input.unknown", Explain: "Parameters that the contract does not know, the SDKs' own among them, change nothing.", Changes: ReadOnly, cases: unknownCases},
		{ID: "input.valid", Explain: "A value just inside of what is allowed (bounds, enumerations, lengths, optional parameters) is accepted.", Changes: ReadOnly, cases: validCases},
		{ID: "input.required", Explain: "A request without a required parameter is refused.", Changes: ReadOnly, cases: mutations},
		{ID: "input.type", Explain: "A parameter of the wrong type is refused.", Changes: ReadOnly, cases: mutations},
		{ID: "input.boundary", Explain: "A value just outside of a bound (minimum, maximum, minLength, maxLength) is refused.", Changes: ReadOnly, cases: mutations},
		{ID: "input.enum", Explain: "A value outside of an enumeration is refused.", Changes: ReadOnly, cases: mutations},
		{ID: "input.pattern", Explain: "A text that does not match the pattern is refused.", Changes: ReadOnly, cases: mutations},
		{ID: "input.embedded", Explain: "A text that must hold JSON and does not is refused.", Changes: ReadOnly, cases: mutations},
		{ID: "input.malformed", Explain: "A body that is no JSON, and a value that cannot be decoded, are refused.", Changes: ReadOnly, cases: mutations},
		{ID: "input.duplicate", Explain: "A parameter that stands twice in a query or a form, an array there, is refused; of two in JSON one is looked at.", Changes: ReadOnly, cases: mutations},
		{ID: "input.content-type", Explain: "A body of a type that the operation does not read is refused.", Changes: ReadOnly, cases: mutations},
		{ID: "input.method", Explain: "A method that the path does not have is refused.", Changes: Sandbox, cases: methodCases},
		{ID: "effect.none", Explain: "A refused call leaves everything as it was.", Needs: []Need{NeedAuthorizer}, Changes: ReadOnly},
	}
}

func tokenChecks() []Check {
	return []Check{
		{ID: "token.absent", Explain: "A call without its token is unauthenticated.", Changes: ReadOnly, cases: tokenCases},
		{ID: "token.garbled", Explain: "A token that nobody issued is unauthenticated.", Changes: ReadOnly, cases: tokenCases},
		{ID: "token.kind", Explain: "A token of another kind is not accepted.", Changes: ReadOnly, cases: tokenCases},
		{ID: "token.other-app", Explain: "The token of one app does not reach the packages of another, nor a developer's the apps of others.", Needs: []Need{NeedStates}, Changes: Sandbox, cases: otherAppCases},
		{ID: "token.issued", Explain: "What is issued is accepted.", Changes: Sandbox, cases: issuedCases},
		{ID: "token.grant", Explain: "Nothing is issued for a grant type or a scope that there is not.", Changes: Sandbox, cases: grantCases},
		{ID: "token.secret", Explain: "A wrong secret, ticket, code or refresh token issues nothing.", Changes: Sandbox, cases: secretCases},
		{ID: "token.once", Explain: "A refresh token and a code work once, and what they issue works.", Needs: []Need{NeedTP, NeedStates}, Changes: Sandbox, cases: onceCases},
		{ID: "token.life", Explain: "What is issued is accepted as long as expires_in says, and no longer.", Needs: []Need{NeedClock}, Changes: Destructive, cases: lifeCases},
		{ID: "token.expired", Explain: "A token past its life is unauthenticated.", Needs: []Need{NeedClock}, Changes: Destructive, cases: expiredCases},
	}
}

func stateChecks() []Check {
	states := []Need{NeedStates, NeedClock}
	return []Check{
		{ID: "lifecycle.path", Explain: "Every step of the lifecycle leads where it says.", Needs: states, Changes: Sandbox, cases: pathCases},
		{ID: "lifecycle.illegal", Explain: "A step that the state does not allow is refused.", Needs: states, Changes: Sandbox, cases: illegalCases},
		{ID: "lifecycle.gate", Explain: "A step whose gate is not met is refused with one of the gate's errors.", Needs: states, Changes: Sandbox, cases: gateCases},
		{ID: "lifecycle.repeat", Explain: "A step that was taken cannot be taken again.", Needs: states, Changes: Sandbox, cases: repeatCases},
		{ID: "lifecycle.views", Explain: "List and detail, the TP's and the host's, by id and by status, agree in every state.", Needs: []Need{NeedStates}, Changes: Sandbox, cases: viewCases},
		{ID: "lifecycle.others", Explain: "A step changes no other package of the app, and nothing that was said of its own.", Needs: states, Changes: Sandbox, cases: otherCases},
		{ID: "lifecycle.quota", Explain: "The quota of audits counts the steps that it is a gate of, and no others.", Needs: states, Changes: Sandbox},
		{ID: "lifecycle.uploaded", Explain: "A package shows with the description and the time of its upload.", Needs: states, Changes: Sandbox, cases: uploadedCases},
		{ID: "list.rollback-version", Explain: "rollback_version is the version that was online before, and is left out where there was none.", Needs: states, Changes: Sandbox},
		{ID: "app.own", Explain: "An answer is about the apps that were asked for; one that there is not is refused.", Changes: ReadOnly, cases: appCases},
		{ID: "lifecycle.ids", Explain: "A package_id is never given twice.", Needs: states, Changes: Sandbox, cases: idCases},
		{ID: "push.count", Explain: "A step sends each push that it emits once, and no other.", Needs: append(states, NeedPushes, NeedPushKeys), Changes: Sandbox, cases: pushCases},
		{ID: "push.form", Explain: "A push is the sealed envelope and nothing else.", Needs: []Need{NeedPushes}, Changes: Sandbox},
		{ID: "push.signature", Explain: "MsgSignature is the signature of the TP's token and the envelope.", Needs: []Need{NeedPushes, NeedPushKeys}, Changes: Sandbox},
		{ID: "push.encryption", Explain: "Encrypt opens with the TP's key and ends with its id.", Needs: []Need{NeedPushes, NeedPushKeys}, Changes: Sandbox},
		{ID: "push.schema", Explain: "The message matches its event's schema.", Needs: []Need{NeedPushes, NeedPushKeys}, Changes: Sandbox},
		{ID: "push.content", Explain: "The message says what happened: event, app, TP, reason.", Needs: []Need{NeedPushes, NeedPushKeys}, Changes: Sandbox},
		{ID: "push.time", Explain: "TimeStamp and eventTime are the server's present time.", Needs: []Need{NeedPushes, NeedPushKeys, NeedClock}, Changes: Sandbox},
		{ID: "push.order", Explain: "Pushes arrive in the order of what happened.", Needs: append(states, NeedPushes, NeedPushKeys), Changes: Sandbox, cases: pushOrderCases},
		{ID: "push.retry", Explain: "A push is sent again until it is answered with success, and then no more.", Needs: append(states, NeedPushes, NeedPushKeys), Changes: Sandbox, cases: retryCases},
		{ID: "messages.kept", Explain: "What was pushed can be fetched again, as it was pushed.", Needs: append(states, NeedPushes, NeedPushKeys), Changes: Sandbox, cases: messageCases},
		{ID: "messages.selected", Explain: "The parameters of that call select what they say.", Needs: append(states, NeedPushes, NeedPushKeys), Changes: Sandbox, cases: messageCases},
		{ID: "kafka.count", Explain: "A step sends each notice that it emits once, and no other.", Needs: append(states, NeedNotices), Changes: Sandbox, cases: noticeCases},
		{ID: "kafka.schema", Explain: "A notice matches its event's schema.", Needs: []Need{NeedNotices}, Changes: Sandbox},
		{ID: "kafka.key", Explain: "The key of a notice is its app_id.", Needs: []Need{NeedNotices}, Changes: Sandbox},
		{ID: "kafka.topic", Explain: "A notice is in the topic of notices.", Needs: []Need{NeedNotices}, Changes: Sandbox},
		{ID: "kafka.order", Explain: "The notices of an app are in the order of what happened.", Needs: append(states, NeedNotices), Changes: Sandbox, cases: noticeOrderCases},
	}
}
