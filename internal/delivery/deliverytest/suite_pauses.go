package deliverytest

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// switchTo pauses or resumes.
func (b *bench) switchTo(paused bool, destination string) {
	b.Helper()
	if err := patiently(func() error { return b.Store.SetPaused(b.Context(), destination, paused) }); err != nil {
		b.Error(err)
	}
	names, err := b.Store.Paused(b.Context())
	if err != nil || slices.Contains(names, destination) != paused {
		b.Errorf("paused are %v, error %v", names, err)
	}
}

func pause(b *bench) {
	name := "of " + b.source
	_, ids := b.Clerk.Put(b.event("", name, "app"))
	b.switchTo(true, name)
	b.switchTo(true, name)
	b.refused(true, b.claims(ids[0])...)
	b.expect(ids[0], delivery.Pending, 0)
	b.begin(ids[1])
	b.switchTo(false, name)
	b.switchTo(false, name)
	b.begin(ids[0])
	b.switchTo(true, name)
	b.refused(true, b.again(ids[0])) // its process has died
	b.expect(ids[0], delivery.Retrying, 1)
	b.expectStatuses(ids[0], 0)
	b.switchTo(false, name)
	b.begin(ids[0])
}

// pauseAtOnce pauses while attempts are begun: what is begun when the pause is confirmed is all that is begun.
func pauseAtOnce(b *bench) {
	const workers, deliveries = 3, 60
	name := "of " + b.source
	var ids []dedup.ID
	for range deliveries {
		_, made := b.Clerk.Put(b.event("", name))
		ids = append(ids, made[0])
	}
	claims := b.claims(ids...)
	var paused atomic.Bool
	var working sync.WaitGroup
	started := make(chan struct{}, deliveries)
	for w := range workers {
		working.Go(func() {
			for _, c := range claims[w*deliveries/workers : (w+1)*deliveries/workers] {
				late := paused.Load()
				var got delivery.Begun
				if err := patiently(func() (err error) { got, err = b.Store.Begin(b.Context(), []delivery.Claim{c}); return err }); err != nil {
					b.Error(err)
				}
				if late && len(got.Shipments) > 0 {
					b.Error("an attempt began after the pause was confirmed")
				}
				started <- struct{}{}
			}
		})
	}
	<-started
	b.switchTo(true, name)
	paused.Store(true)
	count := func() (n int) {
		for _, id := range ids {
			n += b.Clerk.Delivery(id).Attempts
		}
		return n
	}
	before := count()
	working.Wait()
	if after := count(); after != before {
		b.Errorf("%d attempts when the pause was confirmed, %d later", before, after)
	}
}
