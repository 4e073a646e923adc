package redisfront

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestBreaker(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 9, 14, 8, 0, 0, 0, time.UTC)
	var log strings.Builder
	b := newBreaker(slog.New(slog.NewJSONHandler(&log, nil)), func() time.Time { return now })
	is := func(open bool, lines int) {
		t.Helper()
		if b.isOpen() != open || b.state().Up == open {
			t.Fatalf("open: %t, want %t; state %+v", b.isOpen(), open, b.state())
		}
		if n := strings.Count(log.String(), "\n"); n != lines {
			t.Fatalf("%d lines logged, want %d:\n%s", n, lines, log.String())
		}
	}
	for range 10 {
		b.failed(io.EOF)
		b.failed(io.EOF)
		b.succeeded()
	}
	is(false, 0)
	if got := b.state().String(); got != "up" {
		t.Errorf("state is %q", got)
	}
	b.failed(io.EOF)
	b.failed(io.EOF)
	is(false, 0)
	b.failed(io.EOF)
	is(true, 1)
	now = now.Add(90 * time.Second)
	b.failed(io.ErrClosedPipe)
	b.succeeded() // began before the trouble
	b.trip(io.ErrUnexpectedEOF)
	is(true, 1)
	if s := b.state(); s.String() != "down since 2026-09-14T08:00:00Z" || !errors.Is(s.Err, io.ErrUnexpectedEOF) {
		t.Errorf("state is %q with %v", s, s.Err)
	}
	b.reset()
	is(false, 2)
	b.reset()
	is(false, 2)
	if s := b.state(); s.Err != nil || !s.Since.Equal(now) {
		t.Errorf("state is %+v", s)
	}
	b.failed(io.EOF)
	b.failed(io.EOF)
	is(false, 2)
	if !strings.Contains(log.String(), `"left_out_for":"1m30s"`) {
		t.Errorf("the log does not tell how long:\n%s", log.String())
	}
}

// refusal is an error as a server sends it.
type refusal string

func (r refusal) Error() string { return string(r) }
func (refusal) RedisError()     {}

func TestJudge(t *testing.T) {
	t.Parallel()
	const oom, wrongType = refusal("OOM command not allowed"), refusal("WRONGTYPE Operation against a key")
	for name, c := range map[string]struct {
		errs   []error
		failed bool
	}{
		"all served":                         {[]error{nil, nil}, false},
		"nothing there before":               {[]error{redis.Nil, redis.Nil}, false},
		"all refused":                        {[]error{oom, oom}, true},
		"some refused":                       {[]error{oom, nil, oom}, false},
		"one key of a wrong type":            {[]error{wrongType}, false},
		"some without an answer":             {[]error{nil, redis.Nil, context.DeadlineExceeded}, true},
		"refused, then without an answer":    {[]error{oom, io.EOF}, true},
		"wrong type, then without an answer": {[]error{wrongType, io.EOF}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmds := make([]redis.Cmder, len(c.errs))
			for i, err := range c.errs {
				cmds[i] = redis.NewStringCmd(t.Context(), "get", "k")
				cmds[i].SetErr(err)
			}
			if err := judge(cmds); (err != nil) != c.failed {
				t.Errorf("judged %v", err)
			}
		})
	}
}
