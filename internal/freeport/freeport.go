// Package freeport finds TCP ports of this machine that tests can have servers
// listen on later.
//
// It promises a port on which nothing listened a moment ago, below those that
// systems give to outgoing connections, so that no client of another test takes
// it meanwhile. It keeps nothing for the caller: whoever can listen on port 0
// does better to do so.
package freeport

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
)

// The ports that are tried. Linux, macOS and Windows give outgoing connections
// ports from 32768 or above.
const (
	lowest = 10000
	number = 22000
	tries  = 100
)

// asked counts the ports that this process has tried.
var asked atomic.Int64

// next is another port each time, and in other processes other ones: those of
// two that follow one another are far apart.
func next() int {
	const apart = 101
	return lowest + (os.Getpid()*apart+int(asked.Add(1)))%number
}

// Find returns a port on which nothing listens at 127.0.0.1. The error says
// that all that were tried are taken.
func Find() (int, error) {
	var last error
	for range tries {
		port := next()
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			last = err
			continue
		}
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("free port %d: %w", port, err)
		}
		return port, nil
	}
	return 0, fmt.Errorf("free port: none of %d: %w", tries, last)
}
