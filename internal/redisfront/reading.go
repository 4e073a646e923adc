package redisfront

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

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
