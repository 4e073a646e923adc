package redisfront

import (
	"context"
	"errors"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

// takeShares charges all shares in one pipeline. An error means that nothing is known of any of them.
//
// redis_rate sends one command a call. To have all its commands in one pipeline it is called twice: first with a client
// that only takes down what it would send, and then, when Redis has answered, with one that hands it the answer.
func (f *Front) takeShares(ctx context.Context, shares []*share) error {
	scripts := make([]*script, len(shares))
	cmds := make([]redis.Cmder, len(shares))
	for i, s := range shares {
		scripts[i] = &script{}
		_, _ = s.take(ctx, scripts[i]) // errNotSent
		cmds[i] = scripts[i].command(ctx, false)
	}
	if err := f.run(ctx, f.opts.Timeout, cmds); err != nil {
		return err
	}
	if isUnloaded(cmds) { // after a restart of Redis
		for i := range scripts {
			cmds[i] = scripts[i].command(ctx, true)
		}
		if err := f.run(ctx, f.opts.Timeout, cmds); err != nil {
			return err
		}
	}
	var failures []error
	for i, s := range shares {
		result, err := s.take(ctx, scripts[i])
		if err != nil {
			failures = append(failures, err)
			continue
		}
		s.allowed, s.wait = result.Allowed, max(result.RetryAfter, 0)
		if s.allowed < s.wanted && s.wait == 0 { // redis_rate does not say, when some were allowed
			s.wait = s.quota.Per / time.Duration(s.quota.Count)
		}
	}
	return errors.Join(failures...)
}

func (s *share) take(ctx context.Context, client *script) (*redis_rate.Result, error) {
	limit := redis_rate.Limit{Rate: s.quota.Count, Burst: s.quota.Count, Period: s.quota.Per}
	return redis_rate.NewLimiter(client).AllowAtMost(ctx, limitPrefix+s.key, limit, s.wanted)
}

// isUnloaded reports whether Redis did not know a script by its hash.
func isUnloaded(cmds []redis.Cmder) bool {
	for _, cmd := range cmds {
		if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
			return true
		}
	}
	return false
}

var (
	errNotSent = errors.New("not sent yet")
	// errUnknownScript makes redis_rate tell the text of the script.
	errUnknownScript = notLoaded("NOSCRIPT not sent yet")
)

type notLoaded string

func (e notLoaded) Error() string { return string(e) }
func (notLoaded) RedisError()     {}

// script is the one command of redis_rate's, taken down and answered later.
type script struct {
	hash, text string
	keys       []string
	args       []any
	sent       *redis.Cmd // nil: only take down
}

// command is the command for the pipeline: the script by its hash, or its text.
func (s *script) command(ctx context.Context, whole bool) redis.Cmder {
	name, what := "evalsha", s.hash
	if whole {
		name, what = "eval", s.text
	}
	args := append([]any{name, what, len(s.keys)}, s.keys[0])
	s.sent = redis.NewCmd(ctx, append(args, s.args...)...)
	return s.sent
}

func (s *script) EvalSha(ctx context.Context, hash string, keys []string, args ...any) *redis.Cmd {
	if s.sent != nil {
		return s.sent
	}
	s.hash, s.keys, s.args = hash, keys, args
	return failed(ctx, errUnknownScript)
}

func (s *script) Eval(ctx context.Context, text string, _ []string, _ ...any) *redis.Cmd {
	if s.sent != nil {
		return s.sent
	}
	s.text = text
	return failed(ctx, errNotSent)
}

func failed(ctx context.Context, err error) *redis.Cmd {
	cmd := redis.NewCmd(ctx)
	cmd.SetErr(err)
	return cmd
}

// The rest of what redis_rate wants to see; it uses none of it here.

func (s *script) EvalRO(ctx context.Context, _ string, _ []string, _ ...any) *redis.Cmd {
	return failed(ctx, errNotSent)
}

func (s *script) EvalShaRO(ctx context.Context, _ string, _ []string, _ ...any) *redis.Cmd {
	return failed(ctx, errNotSent)
}

func (s *script) ScriptExists(ctx context.Context, _ ...string) *redis.BoolSliceCmd {
	return redis.NewBoolSliceCmd(ctx)
}

func (s *script) ScriptLoad(ctx context.Context, _ string) *redis.StringCmd {
	return redis.NewStringCmd(ctx)
}

func (s *script) Del(ctx context.Context, _ ...string) *redis.IntCmd { return redis.NewIntCmd(ctx) }
