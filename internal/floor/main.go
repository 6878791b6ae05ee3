// Command floor is the yardstick of the speed figures: a bare net/http server
// that answers every GET with the bytes of one file and every POST, once it
// has read the body, with those of another. Nothing that answers over net/http
// does less, so a server's share of the floor's figures says what it adds.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

// run serves args[1] for GET and args[2] for POST on the loopback address
// args[0].
func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: floor 127.0.0.1:PORT GET-FILE POST-FILE")
	}
	get, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	post, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", args[0])
	if err != nil {
		return err
	}
	fmt.Println("listening on", l.Addr())
	return http.Serve(l, handler(get, post)) //nolint:gosec // a yardstick has no time-outs
}

func handler(get, post []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := get
		if r.Method == http.MethodPost {
			body = post
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})
}
