package redisfront

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

var _ dedup.Exchanger = (*Front)(nil)

var errUnfit = errors.New("mark without incarnation or event id, or with a tag that is too long")

// Claim implements [dedup.Claimer] with one pipeline. It returns within Timeout, at once while Redis is left out.
func (f *Front) Claim(ctx context.Context, reqs []dedup.ClaimRequest) []dedup.ClaimReply {
	if len(reqs) == 0 {
		return nil
	}
	cmds := claimCommands(ctx, reqs)
	return readClaims(cmds, reqs, f.run(ctx, f.opts.Timeout, cmds))
}

// Exchange implements [dedup.Exchanger] with one pipeline, for which the same holds as for Claim and Append.
func (f *Front) Exchange(ctx context.Context, reqs []dedup.ClaimRequest, hits []dedup.Hit) ([]dedup.ClaimReply, error) {
	if len(reqs) == 0 || len(hits) == 0 {
		return f.Claim(ctx, reqs), f.Append(ctx, hits)
	}
	a, unfit := f.prepare(ctx, hits)
	if unfit != nil {
		return f.Claim(ctx, reqs), unfit
	}
	claims := claimCommands(ctx, reqs)
	err := f.run(ctx, f.opts.Timeout, append(claims, a.cmds...))
	return readClaims(claims, reqs, err), f.appended(a, err)
}

// readClaims reads the replies of claims, given the error of their pipeline.
func readClaims(cmds []redis.Cmder, reqs []dedup.ClaimRequest, err error) []dedup.ClaimReply {
	replies := make([]dedup.ClaimReply, len(reqs))
	for i := range replies {
		replies[i] = unknown
		if err == nil {
			replies[i] = readClaim(cmds[i], reqs[i].Token)
		}
	}
	return replies
}

func readClaim(cmd redis.Cmder, token dedup.ID) dedup.ClaimReply {
	answered, ok := cmd.(*redis.StringCmd)
	if !ok {
		return unknown
	}
	value, err := answered.Result()
	switch {
	case errors.Is(err, redis.Nil):
		return dedup.ClaimReply{State: dedup.ClaimFirst}
	case err != nil:
		return unknown
	default:
		return parseValue(value, token)
	}
}

// claimCommands makes "SET key P<token> NX GET PX lease" for each request. All keys and values are parts of one string, and
// values are given by address, which needs no box: batches are large and garbage is what they cost most. Keys are not: go-redis
// wants to read them itself in a cluster.
func claimCommands(ctx context.Context, reqs []dedup.ClaimRequest) []redis.Cmder {
	const words = 7
	text := make([]byte, 0, len(reqs)*(64+pendingSize))
	ends := make([]int, 0, 2*len(reqs))
	for i := range reqs {
		text = appendKey(text, reqs[i].Key)
		ends = append(ends, len(text))
		text = appendPending(text, reqs[i].Token)
		ends = append(ends, len(text))
	}
	var (
		all    = string(text)
		values = make([]string, len(reqs))
		args   = make([]any, 0, words*len(reqs))
		cmds   = make([]redis.Cmder, len(reqs))
		lease  boxed
		start  int
	)
	for i := range reqs {
		key := all[start:ends[2*i]]
		values[i] = all[ends[2*i]:ends[2*i+1]]
		start = ends[2*i+1]
		args = append(args, "set", key, &values[i], "nx", "get", "px", lease.millis(reqs[i].Lease))
		cmds[i] = redis.NewStringCmd(ctx, args[len(args)-words:len(args):len(args)]...)
	}
	return cmds
}

// Settle implements [dedup.Claimer] with one pipeline. It returns within SettleTimeout, at once while Redis is left out.
// The error is for the books only: a lost settlement costs a question to the ledger.
func (f *Front) Settle(ctx context.Context, marks []dedup.Settlement) error {
	if len(marks) == 0 {
		return nil
	}
	cmds, unfit := settleCommands(ctx, marks)
	err := f.run(ctx, f.opts.SettleTimeout, cmds)
	if err == nil {
		err = firstError(cmds)
	}
	if err == nil && unfit > 0 {
		err = fmt.Errorf("%d of %d: %w", unfit, len(marks), errUnfit)
	}
	if err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	return nil
}

// settleCommands makes "SET key C… PX window" for each mark that can be stored.
func settleCommands(ctx context.Context, marks []dedup.Settlement) (cmds []redis.Cmder, unfit int) {
	const words = 5
	text := make([]byte, 0, len(marks)*(64+maxValue))
	ends := make([]int, 0, 2*len(marks))
	for i := range marks {
		text = appendKey(text, marks[i].Key)
		ends = append(ends, len(text))
		text = appendMark(text, &marks[i].Mark)
		ends = append(ends, len(text))
	}
	var (
		all    = string(text)
		values = make([]string, len(marks))
		args   = make([]any, 0, words*len(marks))
		window boxed
		start  int
	)
	cmds = make([]redis.Cmder, 0, len(marks))
	for i := range marks {
		key := all[start:ends[2*i]]
		values[i] = all[ends[2*i]:ends[2*i+1]]
		start = ends[2*i+1]
		if !storable(&marks[i].Mark) {
			unfit++
			continue
		}
		args = append(args, "set", key, &values[i], "px", window.millis(marks[i].Window))
		cmds = append(cmds, redis.NewStatusCmd(ctx, args[len(args)-words:len(args):len(args)]...))
	}
	return cmds, unfit
}

// boxed keeps the last number it was asked for as an interface value: the requests of a batch mostly have one lease.
type boxed struct {
	of    time.Duration
	value any
}

// millis is d in whole milliseconds, at least 1: Redis refuses 0.
func (b *boxed) millis(d time.Duration) any {
	if b.value == nil || b.of != d {
		b.of, b.value = d, max(d.Milliseconds(), 1)
	}
	return b.value
}
