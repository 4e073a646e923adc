package redisfront

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

const (
	claimPrefix = "dg:"
	probeKey    = "dg.probe"
	limitPrefix = "dg.limit:" // redis_rate puts "rate:" in front
	// maxKey is the longest claim key written out; a longer event key is replaced by its hash. No event key starts with
	// '#', so the two forms never meet.
	maxKey = 200
)

// appendKey appends the Redis key of a claim.
func appendKey(b []byte, k dedup.Key) []byte {
	b = append(append(append(b, claimPrefix...), k.Source...), ':')
	if len(claimPrefix)+len(k.Source)+1+len(k.Event) <= maxKey {
		return append(b, k.Event...)
	}
	sum := sha256.Sum256([]byte(k.Event))
	return hex.AppendEncode(append(b, '#'), sum[:])
}
