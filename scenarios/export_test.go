package scenarios

// Verbs shows the verbs of steps to tests.
func Verbs() map[string][]string { return verbs() }
