package redisfront

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrLeftOut is what Settle answers while Redis is left out.
var ErrLeftOut = errors.New("left out until Redis serves a probe")

// run sends the commands as one pipeline that ends within the budget, and tells the breaker how it went. An error speaks
// of the whole pipeline; without one, each command knows what became of it.
func (f *Front) run(ctx context.Context, budget time.Duration, cmds []redis.Cmder) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.breaker.isOpen() {
		return ErrLeftOut
	}
	limited, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	err := exec(limited, f.redis, cmds)
	verdict := err
	if err == nil {
		verdict = judge(cmds)
	}
	if verdict == nil {
		f.breaker.succeeded()
	} else if !over(ctx) { // a caller who gave up says nothing about Redis
		f.breaker.failed(verdict)
	}
	return err
}

// over reports whether ctx has ended. Its deadline is asked too: a connection's own timer may be the faster one.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// exec sends the commands as one pipeline. It returns an error when the pipeline as a whole failed without telling its
// commands: go-redis leaves them all untouched, as if they had succeeded, when the server refuses the connection's login
// or database.
func exec(ctx context.Context, client redis.UniversalClient, cmds []redis.Cmder) error {
	pipe := client.Pipeline()
	_ = pipe.BatchProcess(ctx, cmds...) // only queues them
	_, err := pipe.Exec(ctx)            // otherwise the first error of cmds, a nil reply included
	if slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Err() != nil }) {
		return nil
	}
	return err
}

// judge says how a pipeline went. It failed when some command got no answer, or when every command was refused: a server
// that is full, read-only, loading or closed to us answers fast and is of no use. A key of the wrong type is that key's
// trouble alone.
func judge(cmds []redis.Cmder) error {
	var (
		served  bool
		refused error
	)
	for _, cmd := range cmds {
		err := cmd.Err()
		switch {
		case err == nil, errors.Is(err, redis.Nil), redis.HasErrorPrefix(err, "WRONGTYPE"):
			served = true
		case isRefusal(err):
			refused = err
		default:
			return err
		}
	}
	if served {
		return nil
	}
	return refused
}

// isRefusal reports an error that the server itself has sent.
func isRefusal(err error) bool {
	var refusal redis.Error
	return errors.As(err, &refusal)
}

// number is the reply of a command that counts.
func number(cmd redis.Cmder) (int64, error) {
	c, ok := cmd.(*redis.IntCmd)
	if !ok {
		return 0, fmt.Errorf("%s has no number for a reply", cmd.Name())
	}
	return c.Result()
}

// firstError is the first error of commands, a nil reply being none.
func firstError(cmds []redis.Cmder) error {
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
	}
	return nil
}
