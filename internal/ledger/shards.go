package ledger

import (
	"math/rand/v2"
	"sync"
)

// shards hands each writer a number that no other writer of this process has at the moment, and that other processes
// hardly have: writers with different numbers never wait for each other's counters. The zero value is ready.
type shards struct {
	mu   sync.Mutex
	free []int32
}

func (s *shards) take() int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		shard := s.free[n-1]
		s.free = s.free[:n-1]
		return shard
	}
	return rand.Int32() //nolint:gosec // no secret: it only has to differ from other writers'
}

func (s *shards) give(shard int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, shard)
}
