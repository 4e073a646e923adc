package redisfront

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// FastForward ages the embedded Redis.
func (f *Front) FastForward(d time.Duration) { f.embedded.server.FastForward(d) }

// BoundEmbedded makes the embedded Redis forget everything if it holds ceiling keys.
func (f *Front) BoundEmbedded(ctx context.Context, ceiling int) {
	f.embedded.ceiling = ceiling
	f.embedded.bound(ctx, f.redis)
}

// Client is the connection to Redis.
func (f *Front) Client() redis.UniversalClient { return f.redis }

// TakeIn closes the breaker as a probe would.
func (f *Front) TakeIn() { f.breaker.reset() }

// ClaimKey is the Redis key of a claim.
func ClaimKey(k dedup.Key) string { return string(appendKey(nil, k)) }

// SetConsumerIdle sets how long a reader that holds nothing may be silent.
func (f *Front) SetConsumerIdle(d time.Duration) { f.consumerIdle = d }

// AgeHeld makes the hits of a source that the front's reader holds look as if it had read them long ago.
func (f *Front) AgeHeld(t testing.TB, source string, by time.Duration) {
	t.Helper()
	key := streamPrefix + f.ledger() + ":" + source
	held, err := f.redis.XPendingExt(t.Context(), &redis.XPendingExtArgs{
		Stream: key, Group: group, Start: "-", End: "+", Count: 1000, Consumer: f.reader.consumer,
	}).Result()
	if err != nil || len(held) == 0 {
		t.Fatalf("the reader holds %d hits: %v", len(held), err)
	}
	for _, h := range held {
		if err := f.redis.Do(t.Context(), "xclaim", key, group, f.reader.consumer, 0, h.ID, "idle", by.Milliseconds()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// Sweep forgets readers that hold nothing, now.
func (f *Front) Sweep(t testing.TB) (forgotten int64) {
	t.Helper()
	for _, st := range f.streams.list(f.ledger()) {
		cmd := forgetting(t.Context(), st, f.consumerIdle, "")
		if err := f.redis.Process(t.Context(), cmd); err != nil {
			t.Fatal(err)
		}
		forgotten += cmd.Val()
	}
	return forgotten
}

// RefreshEvery and SweepEvery are the pauses that tests let pass.
const (
	RefreshEvery = refreshEvery
	SweepEvery   = sweepEvery
)

// The codecs.
var (
	ParseValue    = parseValue
	AppendPending = appendPending
	AppendMark    = appendMark
	ParseHit      = parseHit
	AppendHit     = appendHit
)
