package contracttest

import (
	"testing"
)

// OutcomeText says what a report would say about an answer.
func OutcomeText(t testing.TB, status int, body []byte) string {
	t.Helper()
	x := &exchange{status: status, verdict: newClassifier(contract(t)).classify(nil, status, body)}
	return x.String()
}
