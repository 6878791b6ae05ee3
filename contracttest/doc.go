// Package contracttest tells whether a server keeps the platform's contract:
// the shapes and envelopes of its answers, what it does with wrong input and
// wrong tokens, its package lifecycle, its pushes and its Kafka notices. Run is
// its door for tests, Verify the one for everything else. An Observer holds
// against it what others send and are answered.
//
// It promises: it knows the contract (with x-lifecycle) and HTTP, and nothing
// of the emulator; a request that it calls wrong is wrong, for every one is
// decoded again from the bytes that are sent and dropped where the contract has
// nothing against it; what could not be checked is shown as not run with the
// reason, never as passed, and a run that checked nothing has failed; no report
// shows a secret. It does not judge what the contract leaves open.
package contracttest
