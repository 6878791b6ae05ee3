package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// maxRequest is the largest request that is taken, as in a broker nobody
	// has configured (socket.request.max.bytes).
	maxRequest = 100 << 20
	// maxQuestion is the largest request for metadata that is looked into.
	maxQuestion = 1 << 20
	// headBytes are a request's size, key, version and correlation id.
	headBytes = 4 + 2 + 2 + 4
	// namedTimeout bounds the creation of the topics a client asks for.
	namedTimeout = 5 * time.Second
	metadataKey  = 3
)

// guard stands between the network and the embedded broker. The broker trusts
// the size and the key of a request and would take a stray HTTP request for
// one of a gigabyte; guard ends such a connection. And it shows the topics
// that a client asks for to named before the broker sees the question.
type guard struct {
	net.Conn
	ctx   context.Context
	named func(ctx context.Context, topic string)

	// ready is what was read from the connection and not yet by the broker.
	ready []byte
	// left is how much of the current request is still to be read.
	left int
	err  error
}

// Read returns the next bytes of a request that may pass.
func (g *guard) Read(b []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	if len(g.ready) == 0 && g.left == 0 {
		if err := g.nextRequest(); err != nil {
			g.err = err
			return 0, err
		}
	}
	if len(g.ready) > 0 {
		n := copy(b, g.ready)
		g.ready = g.ready[n:]
		return n, nil
	}
	n, err := g.Conn.Read(b[:min(len(b), g.left)])
	g.left -= n
	return n, err
}

func (g *guard) nextRequest() error {
	head := make([]byte, headBytes)
	if _, err := io.ReadFull(g.Conn, head); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head)
	key := int16(binary.BigEndian.Uint16(head[4:])) // two's complement, as Kafka writes it
	if size < headBytes-4 || size > maxRequest || kmsg.RequestForKey(key) == nil {
		return errors.Join(fmt.Errorf("not a request of Kafka: %d bytes with key %d", size, key), g.Conn.Close())
	}
	g.ready, g.left = head, int(size)-(headBytes-4)
	if key != metadataKey || g.left > maxQuestion {
		return nil
	}
	whole := make([]byte, headBytes+g.left)
	copy(whole, head)
	if _, err := io.ReadFull(g.Conn, whole[headBytes:]); err != nil {
		return err
	}
	g.ready, g.left = whole, 0

	ctx, cancel := context.WithTimeout(g.ctx, namedTimeout)
	defer cancel()
	for _, topic := range askedTopics(whole) {
		g.named(ctx, topic)
	}
	return nil
}

// askedTopics returns the names in a request for metadata; none if it cannot
// be read, which is for the broker to say.
func askedTopics(request []byte) []string {
	version := int16(binary.BigEndian.Uint16(request[6:])) // two's complement, as Kafka writes it
	req := kmsg.NewPtrMetadataRequest()
	if version < 0 || version > req.MaxVersion() {
		return nil
	}
	req.SetVersion(version)
	rest := request[headBytes:]
	if len(rest) < 2 {
		return nil
	}
	// The client's name: -1 for none.
	name := max(int(int16(binary.BigEndian.Uint16(rest))), 0)
	rest = rest[2:]
	if len(rest) < name {
		return nil
	}
	rest = rest[name:]
	if req.IsFlexible() {
		var ok bool
		if rest, ok = skipTags(rest); !ok {
			return nil
		}
	}
	return topicNames(rest, version, req.IsFlexible())
}

// topicNames reads the names at the beginning of a metadata request's body;
// none if they cannot be read. It is by hand because kmsg counts tags as far as
// the bytes say, billions of them, whether they are there or not.
func topicNames(b []byte, version int16, flexible bool) []string {
	if !flexible {
		if len(b) < 4 {
			return nil
		}
		count := int32(binary.BigEndian.Uint32(b)) //nolint:gosec // two's complement: -1 asks for all
		var topics []string
		for b = b[4:]; count > 0; count-- {
			if len(b) < 2 {
				return nil
			}
			size := int(int16(binary.BigEndian.Uint16(b))) //nolint:gosec // two's complement
			if b = b[2:]; size < 0 || len(b) < size {
				return nil
			}
			topics = append(topics, string(b[:size]))
			b = b[size:]
		}
		return topics
	}
	count, n := binary.Uvarint(b)
	if n <= 0 {
		return nil
	}
	var topics []string
	for b = b[n:]; count > 1; count-- { // one more than there are
		if version >= 10 { // by id or by name
			if len(b) < 16 {
				return nil
			}
			b = b[16:]
		}
		size, n := binary.Uvarint(b) // one more than there are bytes; 0: no name
		if n <= 0 || size > uint64(len(b)-n)+1 {
			return nil
		}
		b = b[n:]
		if size > 0 {
			topics = append(topics, string(b[:size-1]))
			b = b[size-1:]
		}
		var ok bool
		if b, ok = skipTags(b); !ok {
			return nil
		}
	}
	return topics
}

// skipTags skips the tagged fields of a request's header.
func skipTags(b []byte) ([]byte, bool) {
	next := func() (uint64, bool) {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, false
		}
		b = b[n:]
		return v, true
	}
	count, ok := next()
	for ; ok && count > 0; count-- {
		if _, ok = next(); !ok { // the tag
			break
		}
		var size uint64
		if size, ok = next(); !ok || size > uint64(len(b)) {
			return nil, false
		}
		b = b[size:]
	}
	return b, ok
}
