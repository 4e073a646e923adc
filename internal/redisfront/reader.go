package redisfront

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

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

// take reads one stream: first what this reader holds already, then, now and then, what dead readers held, then what is
// new. New hits come last lest a busy stream keep the others waiting for ever.
func (r *Reader) take(ctx context.Context, st *stream, limit int) (dedup.HitBatch, error) {
	mark := r.bookmark(st)
	if mark.unsure {
		entries, err := r.readGroup(ctx, st, "0", limit)
		if err != nil {
			return dedup.HitBatch{}, err
		}
		if len(entries) > 0 {
			return r.hand(ctx, st, entries, true)
		}
	}
	// From here until the reply is read, entries may become ours without our knowing.
	r.remember(st, func(b *bookmark) { b.unsure = true })
	var (
		entries []redis.XMessage
		err     error
	)
	if r.lookDue(mark) {
		entries, err = r.takeOver(ctx, st, mark.cursor, limit)
	}
	if err == nil && len(entries) == 0 {
		entries, err = r.readGroup(ctx, st, ">", limit)
	}
	if err != nil {
		return dedup.HitBatch{}, err
	}
	return r.hand(ctx, st, entries, false)
}

// bookmark gives what is remembered of a stream. A batch that is still open has failed: its hits come again.
func (r *Reader) bookmark(st *stream) bookmark {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.marks[st.key]
	if b == nil {
		b = &bookmark{cursor: "0-0"}
		r.marks[st.key] = b
	}
	if b.open != nil {
		b.open, b.unsure = nil, true
	}
	return *b
}

func (r *Reader) remember(st *stream, change func(*bookmark)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r.marks[st.key])
}

// readGroup reads for the group, which it makes when it isn't there: the stream may be new, or Redis flushed.
func (r *Reader) readGroup(ctx context.Context, st *stream, from string, limit int) ([]redis.XMessage, error) {
	args := &redis.XReadGroupArgs{
		Group: group, Consumer: r.consumer, Streams: []string{st.key, from}, Count: int64(limit), Block: -1,
	}
	replies, err := r.front.redis.XReadGroup(ctx, args).Result()
	if redis.HasErrorPrefix(err, "NOGROUP") {
		err = r.front.redis.XGroupCreateMkStream(ctx, st.key, group, "0").Err()
		if err == nil || redis.HasErrorPrefix(err, "BUSYGROUP") {
			replies, err = r.front.redis.XReadGroup(ctx, args).Result()
		}
	}
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read hits of source %s: %w", st.source, err)
	case len(replies) == 0:
		return nil, nil
	default:
		return replies[0].Messages, nil
	}
}

func (r *Reader) lookDue(b bookmark) bool {
	pause := min(r.front.opts.ReclaimAfter/4, maxTakeover)
	return b.cursor != "0-0" || r.front.opts.Now().Sub(b.looked) >= pause
}

// takeOver makes hits ours that another reader has held for too long.
func (r *Reader) takeOver(ctx context.Context, st *stream, cursor string, limit int) ([]redis.XMessage, error) {
	entries, next, err := r.front.redis.XAutoClaim(ctx, &redis.XAutoClaimArgs{
		Stream: st.key, Group: group, Consumer: r.consumer,
		MinIdle: r.front.opts.ReclaimAfter, Start: cursor, Count: int64(limit),
	}).Result()
	if redis.HasErrorPrefix(err, "NOGROUP") {
		return nil, nil // nobody has read yet
	}
	if err != nil {
		return nil, fmt.Errorf("take over hits of source %s: %w", st.source, err)
	}
	r.remember(st, func(b *bookmark) {
		b.cursor = next
		if next == "0-0" {
			b.looked = r.front.opts.Now()
		}
	})
	return entries, nil
}

// hand turns entries into a batch. What can't be read is dropped: it would come again for ever.
func (r *Reader) hand(ctx context.Context, st *stream, entries []redis.XMessage, unsure bool) (dedup.HitBatch, error) {
	batch := dedup.HitBatch{Hits: make([]dedup.Hit, 0, len(entries))}
	good, bad := &held{source: st.source, stream: st.key}, &held{source: st.source, stream: st.key}
	var foreign int64
	for _, e := range entries {
		hit, err := parseEntry(st.source, e)
		if err == nil {
			batch.Hits, good.ids = append(batch.Hits, hit), append(good.ids, e.ID)
			continue
		}
		bad.ids = append(bad.ids, e.ID)
		if errors.Is(err, errGone) {
			continue
		}
		if foreign++; foreign == 1 {
			r.front.opts.Log.Error("entries that are no hits of ours are dropped; if they were duplicates, their receipts are lost",
				"stream", st.key, "first", e.ID, "error", err)
		}
	}
	if len(bad.ids) > 0 {
		if err := r.finish(ctx, bad); err != nil {
			return dedup.HitBatch{}, err
		}
		r.front.readers.bad.Add(foreign)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	mark := r.marks[st.key]
	mark.unsure = unsure
	if len(good.ids) > 0 {
		mark.open, r.last, batch.Handle = good, st.source, good
	}
	return batch, nil
}

// errGone is an entry that somebody else has finished while it was held.
var errGone = errors.New("entry was deleted")

func parseEntry(source string, e redis.XMessage) (dedup.Hit, error) {
	if e.Values == nil {
		return dedup.Hit{}, errGone
	}
	value, ok := e.Values[hitField].(string)
	if !ok {
		return dedup.Hit{}, fmt.Errorf("%w: no field %q", errBadHit, hitField)
	}
	return parseHit(source, value)
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

// finish deletes entries and acknowledges them, in this order: were the connection cut between the two, an entry
// acknowledged but not deleted would stay for ever, one deleted but not acknowledged is cleared by its next reader.
func (r *Reader) finish(ctx context.Context, h *held) error {
	ids := make([]any, 0, 3+len(h.ids))
	ids = append(ids, "xdel", h.stream)
	acks := make([]any, 0, 3+len(h.ids))
	acks = append(acks, "xack", h.stream, group)
	for _, id := range h.ids {
		ids, acks = append(ids, id), append(acks, id)
	}
	cmds := []redis.Cmder{redis.NewIntCmd(ctx, ids...), redis.NewIntCmd(ctx, acks...)}
	err := exec(ctx, r.front.redis, cmds)
	if err == nil {
		err = firstError(cmds)
	}
	if err != nil {
		return fmt.Errorf("finish %d hits of source %s: %w", len(h.ids), h.source, err)
	}
	return nil
}
