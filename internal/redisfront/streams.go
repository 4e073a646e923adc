package redisfront

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	streamPrefix = "dg.hits:"
	setPrefix    = "dg.streams:"
	// refreshEvery is the pause between two looks at the set of streams, which also repairs the set after a flush.
	refreshEvery = 2 * time.Second
	// recountEvery is the pause between two looks at the length of a stream that was full.
	recountEvery = time.Second
	maxLedgerID  = 64
)

// stream is what this process knows of one source's hits.
type stream struct {
	source string
	key    string
	arg    any // the key as commands take it, made once

	registered bool      // in the set of streams, as far as we know
	length     int64     // as of the last answer, and what was sent and done since
	counted    time.Time // when a full stream was last counted
}

// streams are the hit streams of one ledger that this process knows of. Safe for concurrent use.
type streams struct {
	mu        sync.Mutex
	ledger    string
	bySource  map[string]*stream
	refreshed time.Time
	filled    chan struct{} // closed and replaced when this process has appended hits; nil until somebody waits
}

// ledger is the current ledger id, or "" while there is none that can be used.
func (f *Front) ledger() string {
	id := f.opts.LedgerID()
	if f.embedded != nil || len(id) > maxLedgerID || strings.ContainsFunc(id, notPlain) {
		return ""
	}
	return id
}

func notPlain(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}

// enter makes ledger the current one. Called with the lock held.
func (s *streams) enter(ledger string) {
	if s.ledger != ledger || s.bySource == nil {
		s.ledger, s.bySource, s.refreshed = ledger, map[string]*stream{}, time.Time{}
	}
}

// get is the stream of a source, known from now on. Called with the lock held.
func (s *streams) get(source string) *stream {
	st := s.bySource[source]
	if st == nil {
		key := streamPrefix + s.ledger + ":" + source
		st = &stream{source: source, key: key, arg: key}
		s.bySource[source] = st
	}
	return st
}

// list is all known streams of a ledger, by source.
func (s *streams) list(ledger string) []*stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enter(ledger)
	all := make([]*stream, 0, len(s.bySource))
	for _, st := range s.bySource {
		all = append(all, st)
	}
	slices.SortFunc(all, func(a, b *stream) int { return strings.Compare(a.source, b.source) })
	return all
}

// done takes finished hits off a stream's count.
func (s *streams) done(source string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.bySource[source]; st != nil {
		st.length = max(st.length-int64(n), 0)
	}
}

// appended is closed when this process appends hits.
func (s *streams) appended() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.filled == nil {
		s.filled = make(chan struct{})
	}
	return s.filled
}

// wake tells waiting readers that hits were appended. Called with the lock held.
func (s *streams) wake() {
	if s.filled != nil {
		close(s.filled)
		s.filled = nil
	}
}

// allStreams is every stream of the ledger that anybody has registered or this process has seen. The set is read every
// few seconds, and what it should hold is put back: a flush forgets it while processes go on.
func (f *Front) allStreams(ctx context.Context, ledger string) ([]*stream, error) {
	s := &f.streams
	s.mu.Lock()
	s.enter(ledger)
	due := f.opts.Now().Sub(s.refreshed) >= refreshEvery
	s.mu.Unlock()
	known := s.list(ledger)
	if !due {
		return known, nil
	}
	cmds := make([]redis.Cmder, 0, 2)
	members := redis.NewStringSliceCmd(ctx, "smembers", setPrefix+ledger)
	if len(known) > 0 {
		cmds = append(cmds, registration(ctx, ledger, known))
	}
	cmds = append(cmds, members)
	if err := exec(ctx, f.redis, cmds); err != nil {
		return nil, fmt.Errorf("list hit streams: %w", err)
	}
	sources, err := members.Result()
	if err != nil {
		return nil, fmt.Errorf("list hit streams: %w", err)
	}
	s.mu.Lock()
	s.enter(ledger)
	for _, st := range s.bySource {
		st.registered = false
	}
	for _, source := range sources {
		s.get(source).registered = true
	}
	s.refreshed = f.opts.Now()
	s.mu.Unlock()
	return s.list(ledger), nil
}

// registration puts streams into the set from which readers find them.
func registration(ctx context.Context, ledger string, list []*stream) *redis.IntCmd {
	args := make([]any, 0, 2+len(list))
	args = append(args, "sadd", setPrefix+ledger)
	for _, st := range list {
		args = append(args, st.source)
	}
	return redis.NewIntCmd(ctx, args...)
}

// HitsPileUp reports that, as far as this process knows, more than a quarter of what a source's hits may take waits for the
// drainer. It does not ask Redis.
func (f *Front) HitsPileUp() bool {
	s := &f.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.bySource {
		if st.length > f.opts.HitsCap/4 {
			return true
		}
	}
	return false
}

// HitsWaiting is the number of hits in Redis that are not in the ledger yet, over all gateways on it.
func (f *Front) HitsWaiting(ctx context.Context) (int64, error) {
	if f.embedded != nil {
		return 0, nil // they go to the ledger directly
	}
	ledger := f.ledger()
	if ledger == "" {
		return 0, fmt.Errorf("count waiting hits: %w", errNoLedger)
	}
	if f.breaker.isOpen() {
		return 0, fmt.Errorf("count waiting hits: %w", ErrLeftOut)
	}
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	list, err := f.allStreams(ctx, ledger)
	if err != nil {
		return 0, err
	}
	lengths, err := f.lengths(ctx, list)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, n := range lengths {
		sum += n
	}
	return sum, nil
}

// lengths counts streams in one pipeline.
func (f *Front) lengths(ctx context.Context, list []*stream) ([]int64, error) {
	if len(list) == 0 {
		return nil, nil
	}
	cmds := make([]redis.Cmder, len(list))
	for i, st := range list {
		cmds[i] = redis.NewIntCmd(ctx, "xlen", st.arg)
	}
	if err := exec(ctx, f.redis, cmds); err != nil {
		return nil, fmt.Errorf("count hits: %w", err)
	}
	lengths := make([]int64, len(list))
	for i, cmd := range cmds {
		n, err := number(cmd)
		if err != nil {
			return nil, fmt.Errorf("count hits of source %s: %w", list[i].source, err)
		}
		lengths[i] = n
	}
	return lengths, nil
}
