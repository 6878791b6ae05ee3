package freeport_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/swanemu/emu/internal/freeport"
)

// TestFind listens on what it found, again and again.
func TestFind(t *testing.T) {
	for range 50 {
		port, err := freeport.Find()
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }() // so that the next one is another
		if port < 10000 || port >= 32768 {
			t.Errorf("port %d may be a client's", port)
		}
	}
}
