package deliverytest

import (
	"slices"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// expectBlocked asks about ids in one call.
func (b *bench) expectBlocked(ids []dedup.ID, want ...dedup.ID) {
	b.Helper()
	got, err := b.Store.Blocked(b.Context(), ids)
	if err != nil {
		b.Fatal(err)
	}
	numbers := func(list []dedup.ID) (n []int) {
		for _, id := range list {
			n = append(n, slices.Index(ids, id))
		}
		slices.Sort(n)
		return n
	}
	if !slices.Equal(numbers(got), numbers(want)) {
		b.Errorf("blocked are %v, want %v", numbers(got), numbers(want))
	}
}

// run puts n events of one run, each to one destination.
func (b *bench) run(id, destination string, n int) (events, ids []dedup.ID) {
	for range n {
		event, made := b.Clerk.Put(b.event(id, destination))
		events, ids = append(events, event), append(ids, made[0])
	}
	return events, ids
}

func blockedByEarlier(b *bench) {
	_, ids := b.run("run", "app", 3)
	b.expectBlocked(ids, ids[1], ids[2])
	b.begin(ids[0])
	b.expectBlocked(ids, ids[1], ids[2])
	b.finish(b.result(ids[0], 1, 500, delivery.Retrying))
	b.expectBlocked(ids, ids[1], ids[2])
	b.begin(ids[0])
	b.finish(b.result(ids[0], 2, 500, delivery.Dead)) // holds up nobody any more
	b.expectBlocked(ids, ids[2])
	b.Clerk.Cancel(ids[1])
	b.expectBlocked(ids)
	b.Clerk.Retry(ids[0])
	b.expectBlocked(ids[2:], ids[2])

	held := b.event("held run", "app")
	held.Routes[0].Hold = true
	_, first := b.Clerk.Put(held)
	_, second := b.Clerk.Put(b.event("held run", "app"))
	b.expectBlocked(second, second[0])
	b.Clerk.Cancel(first[0])
	b.expectBlocked(second)
}

func blockedByNothingElse(b *bench) {
	events, ids := b.run("run", "app", 1)
	_, other := b.Clerk.Put(b.event("run", "other")) // another destination
	_, alone := b.Clerk.Put(b.event("run2", "app"))  // another run, whose id begins like the first one's
	_, build := b.Clerk.Put(func() Event {
		e := b.event("run", "app")
		e.Run.Kind = dedup.KindBuild
		return e
	}())
	_, free1 := b.Clerk.Put(b.event("", "app")) // no run
	_, free2 := b.Clerk.Put(b.event("", "app"))
	all := slices.Concat(ids, other, alone, build, free1, free2, []dedup.ID{dedup.NewID(b.now)})
	b.expectBlocked(all)

	b.begin(ids[0])
	b.finish(b.result(ids[0], 1, 200, delivery.Delivered))
	b.Clerk.Replay(events[0], "app")
	_, later := b.Clerk.Put(b.event("run", "app"))
	b.expectBlocked(later) // a replay holds up nobody
	b.expectBlocked(nil)
}
