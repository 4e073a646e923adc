package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// client is one keep-alive connection with one request in flight.
type client struct {
	addr  string
	until time.Time // no read or write lasts longer
	conn  net.Conn
	alone func() bool // takes conn out of ctx's reach
	buf   []byte
}

// answer is what the load generator reads of a response. The outcome is valid until the next exchange.
type answer struct {
	status  int
	outcome []byte // X-Dedup-Outcome, empty where there is none
}

var errNotUnderstood = errors.New("an answer that is not HTTP/1.1 with a Content-Length")

// connect opens the connection, anew if there is one. When ctx ends, whoever waits for an answer is woken.
func (c *client) connect(ctx context.Context) error {
	c.close()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if err = conn.SetDeadline(c.until); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	c.conn = conn
	c.alone = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(0, 0)) })
	if c.buf == nil {
		c.buf = make([]byte, 16<<10)
	}
	return nil
}

func (c *client) close() {
	if c.conn == nil {
		return
	}
	c.alone()
	_ = c.conn.Close() // all answers that will come are read
	c.conn = nil
}

func (c *client) exchange(req []byte) (answer, error) {
	if _, err := c.conn.Write(req); err != nil {
		return answer{}, fmt.Errorf("send: %w", err)
	}
	for have := 0; have < len(c.buf); {
		n, err := c.conn.Read(c.buf[have:])
		if err != nil {
			return answer{}, fmt.Errorf("read the answer: %w", err)
		}
		have += n
		a, size, err := parse(c.buf[:have])
		if err != nil || size == have {
			return a, err
		}
		if size != 0 && size < have {
			return answer{}, fmt.Errorf("%w: %d bytes too many", errNotUnderstood, have-size)
		}
	}
	return answer{}, fmt.Errorf("%w: longer than %d bytes", errNotUnderstood, len(c.buf))
}

var (
	headEnd       = []byte("\r\n\r\n")
	lengthHeader  = []byte("\r\nContent-Length: ")
	outcomeHeader = []byte("\r\nX-Dedup-Outcome: ")
)

// parse reads a response's head and says how long the response is in all; 0 while the head is not there yet.
func parse(b []byte) (a answer, size int, err error) {
	end := bytes.Index(b, headEnd)
	if end < 0 {
		return answer{}, 0, nil
	}
	head := b[:end+len("\r\n")]
	if len(head) < len("HTTP/1.1 200") || string(head[:9]) != "HTTP/1.1 " {
		return answer{}, 0, errNotUnderstood
	}
	status, err := strconv.Atoi(string(head[9:12]))
	if err != nil {
		return answer{}, 0, errNotUnderstood
	}
	length, err := strconv.Atoi(string(header(head, lengthHeader)))
	if err != nil || length < 0 {
		return answer{}, 0, errNotUnderstood
	}
	return answer{status: status, outcome: header(head, outcomeHeader)}, end + len(headEnd) + length, nil
}

// header finds a header's value; the name is written as Go's servers write it.
func header(head, name []byte) []byte {
	_, rest, ok := bytes.Cut(head, name)
	if !ok {
		return nil
	}
	value, _, _ := bytes.Cut(rest, headEnd[:2])
	return value
}
