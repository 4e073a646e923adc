package forward

import (
	"context"
	"testing"
	"time"
)

func TestAnEventArrivesAsItCame(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bed) {
		sink := newSink(t, nil)
		f := b.start(destinationAt(t, "app", sink.URL))
		s := shipmentFor("app")
		b.enqueue(f, s)
		got := sink.next(t, 5*time.Second)
		if string(got.body) != string(s.Body) {
			t.Errorf("body %q, want %q", got.body, s.Body)
		}
		b.store.settled(t, 5*time.Second)
		must(t, f.Stop(context.Background()))
	})
}
