package scenarios

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
