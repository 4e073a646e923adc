package forward

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

func TestStopLetsAttemptsEnd(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		release := make(chan struct{})
		sink := newSink(t, func(http.ResponseWriter, *http.Request) { <-release })
		f := b.start(destinationAt(t, "app", sink.URL))
		b.enqueue(f, shipmentsFor("app", 30)...)
		for range 8 {
			sink.next(t, patience)
		}
		stopped := make(chan error)
		go func() { stopped <- f.Stop(t.Context()) }()
		<-f.stopping
		close(release)
		must(t, <-stopped)
		if n := b.store.counts(); n[delivery.Delivering] != 0 || n[delivery.Delivered] != len(sink.all()) {
			t.Errorf("%v after %d requests", n, len(sink.all()))
		}
		if n := b.count("SELECT count(*) FROM river_job WHERE state = 'running'"); n != 0 {
			t.Errorf("%d jobs are left running", n)
		}
		if f.Stop(t.Context()) == nil {
			t.Error("it was stopped twice")
		}
	})
}

func TestStopCutsOffWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) {
		release := make(chan struct{})
		sink := newSink(t, func(http.ResponseWriter, *http.Request) { <-release })
		d := destinationAt(t, "app", sink.URL)
		d.Timeout = time.Minute
		f := b.start(d)
		s := shipmentFor("app")
		b.enqueue(f, s)
		sink.next(t, patience)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		must(t, f.Stop(ctx))
		close(release)
		got := b.store.attempts(s.ID)
		if len(got) != 1 || got[0].State != delivery.Retrying || !strings.Contains(got[0].Error, "the gateway had to stop") {
			t.Errorf("attempts %+v", got)
		}
		b.start(d)
		b.store.settled(t, patience)
	})
}

func TestStopGivesUpOnADeadStore(t *testing.T) {
	t.Parallel()
	b := postgresBed(t)
	sink := newSink(t, func(http.ResponseWriter, *http.Request) { b.store.fail(errDown) })
	d := destinationAt(t, "app", sink.URL)
	f := b.start(d)
	s := shipmentFor("app")
	b.enqueue(f, s)
	sink.next(t, patience)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := f.Stop(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	b.store.fail(nil)
	sink.Config.Handler = status(204)
	b.start(d)
	b.store.settled(t, patience)
}

// It does not run in parallel: goroutines of other tests would count.
func TestNothingRunsAfterAStop(t *testing.T) { //nolint:paralleltest // see above
	for _, b := range []*bed{postgresBed(t), sqliteBed(t)} {
		before := goleak.IgnoreCurrent()
		for range 3 {
			sink := newSink(t, nil)
			f := b.start(destinationAt(t, "app", sink.URL), destinationAt(t, "other", sink.URL))
			_, err := f.UI("/river")
			must(t, err)
			b.enqueue(f, shipmentsFor("app", 10)...)
			b.store.settled(t, patience)
			must(t, f.Stop(t.Context()))
			sink.Close()
		}
		goleak.VerifyNone(t, before)
	}
}

func TestAForwarderThatWasNeverStartedStops(t *testing.T) {
	t.Parallel()
	b := sqliteBed(t)
	f, err := New(b.options)
	must(t, err)
	must(t, f.Stop(t.Context()))
}
