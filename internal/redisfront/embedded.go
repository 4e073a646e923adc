package redisfront

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// The limits of the embedded Redis.
const (
	// embeddedCeiling is the number of claims at which everything is forgotten, which is a thing Redis may do. Ageing walks
	// all keys and blocks every command meanwhile (measured on a busy machine: 3 ms at 10,000, 32 ms at 50,000, 125 ms at
	// 100,000); above this it would outlast a pipeline's budget.
	embeddedCeiling = 50_000
	// ageEvery is the pause between two rounds of ageing; where a round takes long, it is ageShare times as long as that.
	ageEvery = time.Second
	ageShare = 20
)

// embedded is a Redis inside this process, without a port. It is miniredis, which never ages a key by itself: a loop
// does, so that leases and windows end up to a second late.
type embedded struct {
	server  *miniredis.Miniredis
	log     *slog.Logger
	ceiling int
}

func startEmbedded(log *slog.Logger) (*embedded, error) {
	e := &embedded{server: miniredis.NewMiniRedis(), log: log, ceiling: embeddedCeiling}
	conn, err := e.server.Dial() // the first one starts it
	if err != nil {
		return nil, fmt.Errorf("start the embedded Redis: %w", err)
	}
	return e, conn.Close()
}

// dial connects through memory.
func (e *embedded) dial(context.Context, string, string) (net.Conn, error) {
	conn, err := e.server.Dial()
	if err != nil {
		return nil, err
	}
	return newPatientConn(conn), nil
}

// run ages the keys until ctx ends.
func (e *embedded) run(ctx context.Context, client redis.UniversalClient) {
	pause := time.NewTimer(ageEvery)
	defer pause.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		now := time.Now()
		e.server.FastForward(now.Sub(last))
		last = now
		e.bound(ctx, client)
		pause.Reset(max(ageEvery, ageShare*time.Since(now)))
	}
}

// bound forgets everything when there is too much.
func (e *embedded) bound(ctx context.Context, client redis.UniversalClient) {
	size, err := client.DBSize(ctx).Result()
	if err != nil || size < int64(e.ceiling) {
		return
	}
	e.server.FlushAll()
	e.log.Info("the embedded Redis was full and has forgotten its claims: the database recognises those repeats", "claims", size)
}

func (e *embedded) close() { e.server.Close() }

// patientConn lets the client write a whole pipeline before it reads. Memory pipes hold nothing, and miniredis sends each
// reply before it reads on: a client that only writes and a server whose reply nobody reads would wait for each other.
type patientConn struct {
	net.Conn

	mu      sync.Mutex
	pending []byte
	closed  bool
	more    chan struct{} // holds a token when pending or closed has changed
	err     error         // of an earlier send
}

func newPatientConn(c net.Conn) *patientConn {
	p := &patientConn{Conn: c, more: make(chan struct{}, 1)}
	go p.send()
	return p
}

// Write keeps a copy of b for sending and never waits.
func (p *patientConn) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, net.ErrClosed
	}
	if p.err != nil {
		return 0, p.err
	}
	p.pending = append(p.pending, b...)
	p.wake()
	return len(b), nil
}

// Close ends the connection at once; what was not sent is lost.
func (p *patientConn) Close() error {
	p.mu.Lock()
	p.closed = true
	p.wake()
	p.mu.Unlock()
	return p.Conn.Close()
}

// SetDeadline is for reads only: writes never wait.
func (p *patientConn) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetWriteDeadline does nothing.
func (p *patientConn) SetWriteDeadline(time.Time) error { return nil }

func (p *patientConn) wake() {
	select {
	case p.more <- struct{}{}:
	default:
	}
}

// send writes what is pending until the connection ends.
func (p *patientConn) send() {
	var sending []byte
	for range p.more {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return
		}
		sending, p.pending = p.pending, sending[:0]
		p.mu.Unlock()
		if len(sending) == 0 {
			continue // a pipe would hand the empty write to its reader
		}
		if _, err := p.Conn.Write(sending); err != nil {
			p.mu.Lock()
			p.err = err
			p.mu.Unlock()
			return
		}
	}
}
