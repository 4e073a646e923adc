package httpapi

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

const (
	// tailEvery is the pause between two looks for new receipts, shared by all streams.
	tailEvery = 500 * time.Millisecond
	// tailOverlap is how far each look goes back behind the last one: receipts are committed a little after they are
	// received, those of duplicates that Redis has told a little later still.
	tailOverlap = 2 * time.Second
	// tailMarks bounds one look, tailBatch what one event holds: 1,000 receipts a second. Of more, tailSample are shown:
	// nobody reads a flood, and what is not read costs senders nothing.
	tailMarks  = 2500
	tailBatch  = 500
	tailSample = 100
	// tailTimeout bounds one look.
	tailTimeout = 3 * time.Second
	// tailLinger is how long the tail goes on without a stream, so that one that breaks off can be resumed.
	tailLinger = 15 * time.Second
	// tailKept is how many receipts are kept for resuming.
	tailKept = 5000
	// A new stream begins with up to tailLatest receipts of the last tailBack, so that a page shows something where little comes
	// in. With a filter they are looked for among the latest tailBatch.
	tailLatest = 50
	tailBack   = 7 * 24 * time.Hour
	// maxStreams is how many streams a process serves, streamBacklog how many events wait for a slow one.
	maxStreams    = 32
	streamBacklog = 16
)

var errTooManyStreams = errors.New("too many streams")

// tail looks for new receipts while somebody listens, once for all, and hands them on. It is safe for concurrent use.
type tail struct {
	reader LiveReader
	ending <-chan struct{}
	now    func() time.Time

	mu        sync.Mutex // guards all below
	listeners map[*listener]struct{}
	running   bool
	life      string // of the run under way: what it numbers means nothing to another
	number    int64
	kept      []*batch
}

// batch is what one look found.
type batch struct {
	id        string
	items     []view.LiveReceipt // oldest first
	of        int                // how many were new, at least
	perSecond float64
	trouble   string // why nothing could be found
	recovered bool
}

// listener is one stream. Its channel is never closed.
type listener struct {
	filter  liveFilter
	batches chan *batch
	dropped int // guarded by the tail's lock
}

// liveFilter selects receipts; empty fields don't restrict.
type liveFilter struct{ source, outcome, actorID, runID string }

func (f liveFilter) matches(r *view.LiveReceipt) bool {
	return (f.source == "" || f.source == r.Source) && (f.outcome == "" || f.outcome == r.Outcome) &&
		(f.actorID == "" || f.actorID == r.ActorID) && (f.runID == "" || f.runID == r.RunID)
}

func newTail(d *Dashboard) *tail {
	return &tail{reader: d.Live, ending: d.Ending, now: time.Now, listeners: map[*listener]struct{}{}}
}

// listen opens a stream, which the caller closes with leave. missed are the batches since the one called last; resumed is
// false when they are not known any more. Errors: errTooManyStreams.
func (t *tail) listen(f liveFilter, last string) (l *listener, missed []*batch, resumed bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.listeners) >= maxStreams {
		return nil, nil, false, errTooManyStreams
	}
	l = &listener{filter: f, batches: make(chan *batch, streamBacklog)}
	t.listeners[l] = struct{}{}
	if !t.running {
		t.running, t.life, t.number, t.kept = true, rand.Text()[:8], 0, nil
		go t.run()
	}
	missed, resumed = t.since(last)
	return l, missed, resumed, nil
}

// since is what came after a batch. Called with the lock held.
func (t *tail) since(last string) (missed []*batch, known bool) {
	life, text, _ := strings.Cut(last, "-")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || life != t.life || n > t.number {
		return nil, false
	}
	i := slices.IndexFunc(t.kept, func(b *batch) bool { return b.id == last })
	if i < 0 {
		return nil, false
	}
	return slices.Clone(t.kept[i+1:]), true
}

// latest is what came before, oldest first; some of it may be handed on once more. Without a database there is nothing, which
// the tail tells itself.
func (t *tail) latest(ctx context.Context, f liveFilter) []view.LiveReceipt {
	ctx, cancel := context.WithTimeout(ctx, tailTimeout)
	defer cancel()
	among := tailLatest
	if f != (liveFilter{}) {
		among = tailBatch
	}
	marks, err := t.reader.ReceiptMarks(ctx, t.now().Add(-tailBack), among)
	if err != nil || len(marks) == 0 {
		return nil
	}
	list, err := t.reader.LiveReceipts(ctx, marks)
	if err != nil {
		return nil
	}
	list = slices.DeleteFunc(list, func(r view.LiveReceipt) bool { return !f.matches(&r) })
	return list[max(0, len(list)-tailLatest):]
}

func (t *tail) leave(l *listener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.listeners, l)
}

// takeDropped is how many batches a stream was too slow for since it was asked last.
func (t *tail) takeDropped(l *listener) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := l.dropped
	l.dropped = 0
	return n
}

// run looks until nobody has listened for a while.
func (t *tail) run() {
	tick := time.NewTicker(tailEvery)
	defer tick.Stop()
	w := watch{tail: t, seen: map[[16]byte]time.Time{}, looked: t.now()}
	lonelySince := t.now()
	for {
		select {
		case <-t.ending:
			return
		default:
		}
		w.look()
		t.mu.Lock()
		if len(t.listeners) > 0 {
			lonelySince = t.now()
		}
		if t.now().Sub(lonelySince) > tailLinger {
			t.running = false
			t.mu.Unlock()
			return
		}
		t.mu.Unlock()
		select {
		case <-tick.C:
		case <-t.ending:
			return
		}
	}
}

// publish numbers a batch and hands it to all streams; one that is behind loses it.
func (t *tail) publish(b *batch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(b.items) > 0 {
		t.number++
		b.id = t.life + "-" + strconv.FormatInt(t.number, 10)
		t.keep(b)
	}
	for l := range t.listeners {
		select {
		case l.batches <- b:
		default:
			l.dropped++
		}
	}
}

// keep remembers a batch for resuming. Called with the lock held.
func (t *tail) keep(b *batch) {
	t.kept = append(t.kept, b)
	sum := 0
	for i, kept := range slices.Backward(t.kept) {
		if sum += len(kept.items); sum > tailKept {
			t.kept = slices.Clone(t.kept[i+1:])
			return
		}
	}
}

// choosy reports whether some stream wants only some receipts: then all have to be read.
func (t *tail) choosy() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for l := range t.listeners {
		if l.filter != (liveFilter{}) {
			return true
		}
	}
	return false
}

// watch is what a run of the tail remembers. It is used by one goroutine.
type watch struct {
	*tail
	seen     map[[16]byte]time.Time
	looked   time.Time // when the last look that succeeded began
	troubled bool
}

// look finds what is new and publishes it.
func (w *watch) look() {
	ctx, cancel := context.WithTimeout(context.Background(), tailTimeout)
	defer cancel()
	began := w.now()
	fresh, err := w.fresh(ctx, w.looked.Add(-tailOverlap))
	found := &batch{of: len(fresh), perSecond: float64(len(fresh)) / max(began.Sub(w.looked), tailEvery).Seconds()}
	if err == nil && len(fresh) > 0 {
		if len(fresh) > tailBatch && !w.choosy() {
			fresh = spread(fresh, tailSample)
		}
		found.items, err = w.reader.LiveReceipts(ctx, fresh)
	}
	if err != nil {
		if !w.troubled {
			w.publish(&batch{trouble: "The database can't be reached; new receipts are shown when it is back."})
		}
		w.troubled = true
		return
	}
	if w.troubled {
		w.troubled = false
		w.publish(&batch{recovered: true})
	}
	w.looked = began
	if len(found.items) > 0 {
		w.publish(found)
	}
}

// fresh lists what was not seen before, oldest first. What is too old to be listed again is forgotten.
func (w *watch) fresh(ctx context.Context, since time.Time) ([]view.ReceiptMark, error) {
	marks, err := w.reader.ReceiptMarks(ctx, since, tailMarks)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(w.seen, func(_ [16]byte, at time.Time) bool { return at.Before(since) })
	var fresh []view.ReceiptMark
	for _, m := range slices.Backward(marks) {
		if _, ok := w.seen[m.ID]; !ok {
			w.seen[m.ID] = m.ReceivedAt
			fresh = append(fresh, m)
		}
	}
	return fresh, nil
}

// spread picks n of a list, evenly; all of a shorter one.
func spread[T any](list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	picked := make([]T, n)
	for i := range picked {
		picked[i] = list[i*len(list)/n]
	}
	return picked
}
