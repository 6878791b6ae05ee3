package scenarios

import "bytes"

// Verbs shows the verbs of steps to tests.
func Verbs() map[string][]string { return verbs() }

// Words shows the words of the platform's contract to tests: operations,
// pushes, errors, states, transitions.
func Words() (operations, pushes, errors, states, transitions []string, err error) {
	c, err := defaultContract()
	if err != nil {
		return nil, nil, nil, nil, nil, err
	}
	return c.operationNames(), c.pushes, c.errorNames(), c.states, c.transitions, nil
}

// Orders shows the operations of the control API that steps may name to tests.
func Orders() ([]string, error) {
	c, err := controlContract()
	if err != nil {
		return nil, err
	}
	return ordersAllowed(c), nil
}

// PaymentWords shows the words of payments to tests: notifications and the
// states of orders.
func PaymentWords() (notifications, states []string, err error) {
	c, err := defaultContract()
	if err != nil {
		return nil, nil, err
	}
	return c.notifications, c.orderStates, nil
}

// WriteYAML shows how recordings are written to tests.
func WriteYAML(s *Scenario) []byte {
	var b bytes.Buffer
	writeYAML(&b, s)
	return b.Bytes()
}

// Operators shows the names of the matchers to tests.
func Operators() []string { return operators() }

// Predefined shows the variables that are set before the first step to tests.
func Predefined() []string {
	var names []string
	for name := range predefined(nil, nil) {
		names = append(names, name)
	}
	return names
}
