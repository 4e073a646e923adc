package redisfront

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

var (
	_ dedup.HitSource = (*Front)(nil)
	_ dedup.HitSource = (*Reader)(nil)
)

const (
	group = "dedupgate"
	// readPatience is how long a reader waits for hits; a local Append wakes it.
	readPatience = 500 * time.Millisecond
	// maxTakeover is the longest pause between two looks for a dead reader's hits.
	maxTakeover = 5 * time.Second
)

// Reader hands out the hits of all streams, one batch at a time: a batch that is not done when the next is read comes
// again. Hits that a reader has held for ReclaimAfter, because it died, go to another.
//
// Each reader is one consumer of the group; a process that wants to work on several batches at once makes several. Its
// methods may be called from any goroutine and take turns.
type Reader struct {
	front    *Front
	consumer string

	turn chan struct{} // held by the one call of ReadHits under way

	mu    sync.Mutex // guards all below and what it points to
	marks map[string]*bookmark
	last  string // source of the last batch: the round goes on behind it
	swept time.Time
}

// bookmark is what a reader remembers of a stream.
type bookmark struct {
	open   *held     // handed out, not done
	unsure bool      // we may hold hits that were never handed out or not done: look there first
	cursor string    // where looking for dead readers' hits goes on
	looked time.Time // when it was looked last
}

// held is the handle of a batch.
type held struct {
	source string
	stream string
	ids    []string
}

// readers are the consumer names this process has used.
type readers struct {
	mu    sync.Mutex
	names []string
	bad   atomic.Int64
}

// ReadHits implements [dedup.HitSource] with the front's own reader; see [Reader]. In embedded mode, or while the ledger's
// id is not known, no hits ever come.
func (f *Front) ReadHits(ctx context.Context, limit int) (dedup.HitBatch, error) {
	return f.reader.ReadHits(ctx, limit)
}

// DoneHits implements [dedup.HitSource].
func (f *Front) DoneHits(ctx context.Context, batch dedup.HitBatch) error {
	return f.reader.DoneHits(ctx, batch)
}

// NewReader makes a reader besides the front's own. It holds nothing until it reads, and is freed by closing the front.
func (f *Front) NewReader() *Reader {
	host, _ := os.Hostname() // for operators only: the random part makes it unique
	var unique [6]byte
	_, _ = rand.Read(unique[:]) // documented never to fail
	r := &Reader{
		front: f, consumer: host + "-" + hex.EncodeToString(unique[:]),
		turn: make(chan struct{}, 1), marks: map[string]*bookmark{}, swept: f.opts.Now(),
	}
	f.readers.mu.Lock()
	defer f.readers.mu.Unlock()
	f.readers.names = append(f.readers.names, r.consumer)
	return r
}

// BadHits counts the entries since start that were no hits of ours and have been dropped.
func (f *Front) BadHits() int64 { return f.readers.bad.Load() }

// ReadHits implements [dedup.HitSource]. Without hits it waits for half a second.
func (r *Reader) ReadHits(ctx context.Context, limit int) (dedup.HitBatch, error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return dedup.HitBatch{}, ctx.Err()
	}
	appended := r.front.streams.appended()
	batch, err := r.round(ctx, limit)
	if err != nil || len(batch.Hits) > 0 {
		return batch, err
	}
	timer := time.NewTimer(readPatience)
	defer timer.Stop()
	select {
	case <-appended:
	case <-timer.C:
	case <-ctx.Done():
		return dedup.HitBatch{}, ctx.Err()
	}
	return r.round(ctx, limit)
}

// round looks at every stream once, beginning behind the last one that gave something. A stream's trouble is told only
// when no other stream has hits.
func (r *Reader) round(ctx context.Context, limit int) (dedup.HitBatch, error) {
	ledger := r.front.ledger()
	if ledger == "" {
		return dedup.HitBatch{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	list, err := r.front.allStreams(ctx, ledger)
	if err != nil {
		return dedup.HitBatch{}, err
	}
	r.sweep(ctx, list)
	lengths, err := r.front.lengths(ctx, list)
	for i := range list {
		at := (i + r.after(list)) % len(list)
		if err == nil && lengths[at] == 0 {
			continue
		}
		batch, streamErr := r.take(ctx, list[at], limit)
		if len(batch.Hits) > 0 {
			return batch, nil
		}
		err = errors.Join(err, streamErr)
	}
	return dedup.HitBatch{}, err
}

// after is the index of the stream behind the one that gave something last.
func (r *Reader) after(list []*stream) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, st := range list {
		if st.source > r.last {
			return i
		}
	}
	return 0
}

// DoneHits implements [dedup.HitSource].
func (r *Reader) DoneHits(ctx context.Context, batch dedup.HitBatch) error {
	h, ok := batch.Handle.(*held)
	if !ok {
		return nil // an empty batch
	}
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	if err := r.finish(ctx, h); err != nil {
		return err
	}
	r.front.streams.done(h.source, len(h.ids))
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.marks[h.stream]; b != nil && b.open == h {
		b.open = nil
	}
	return nil
}
