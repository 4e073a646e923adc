package deliverytest

import (
	"bytes"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

func beginWhole(b *bench) {
	e := b.event("run", "app", "other")
	e.Body = []byte("{\x00\xff\r\n}")
	eventID, ids := b.Clerk.Put(e)
	got := b.begin(ids...)
	slices.SortFunc(got, func(x, y delivery.Shipment) int { return slices.Index(ids, x.ID) - slices.Index(ids, y.ID) })
	for i, destination := range []string{"app", "other"} {
		want := delivery.Shipment{
			Due:    delivery.Due{ID: ids[i], EventID: eventID, Destination: destination},
			Source: e.Source, Run: e.Run, EventType: e.Type, Generation: e.Generation, Seq: 1, Attempt: 1,
			CreatedAt: e.ReceivedAt, ContentType: e.ContentType, Body: e.Body,
		}
		if !reflect.DeepEqual(got[i], want) {
			b.Errorf("to send:\n%+v, want\n%+v", got[i], want)
		}
		b.expect(ids[i], delivery.Delivering, 1)
	}
	replay := b.Clerk.Replay(eventID, "app")
	if s := b.begin(replay)[0]; s.Replay != 1 || s.Attempt != 1 || s.EventID != eventID || !bytes.Equal(s.Body, e.Body) {
		b.Errorf("a replay sends %+v", s)
	}
	again := b.Clerk.Replay(eventID, "app")
	if s := b.begin(again)[0]; s.Replay != 2 {
		b.Errorf("the second replay is number %d", s.Replay)
	}
}

func beginLeavesOut(b *bench) {
	open, delivered, dead, cancelled := b.put(), b.put(), b.put(), b.put()
	held := b.event("", "app")
	held.Routes[0].Hold = true
	_, heldIDs := b.Clerk.Put(held)
	b.begin(delivered, dead)
	b.finish(b.result(delivered, 1, 204, delivery.Delivered), b.result(dead, 1, 410, delivery.Dead))
	b.Clerk.Cancel(cancelled)
	all := append(b.claims(delivered, open, dead, heldIDs[0], cancelled), delivery.Claim{Delivery: dedup.NewID(b.now)})
	begun := b.try(all...)
	if len(begun.Shipments) != 1 || begun.Shipments[0].ID != open || begun.Shipments[0].Attempt != 1 || len(begun.Waiting) != 0 {
		b.Fatalf("begun: %+v", begun)
	}
	b.expect(heldIDs[0], delivery.Held, 0)
	b.Clerk.Release(heldIDs[0])
	b.begin(heldIDs[0])
	b.refused(false)
}

func beginBodies(b *bench) {
	e := b.event("", "app")
	e.Body = []byte{}
	_, empty := b.Clerk.Put(e)
	purged, ids := b.Clerk.Put(b.event("", "app"))
	b.Clerk.Purge(purged)
	if s := b.begin(empty[0])[0]; s.BodyPurged || len(s.Body) != 0 {
		b.Errorf("an empty body: %+v", s)
	}
	if s := b.begin(ids[0])[0]; !s.BodyPurged || s.Body != nil {
		b.Errorf("a purged body: %+v", s)
	}
}

func finishMoves(b *bench) {
	id := b.put()
	b.begin(id)
	failed := b.result(id, 1, 503, delivery.Retrying)
	b.finish(failed)
	d := b.expect(id, delivery.Retrying, 1)
	if d.LastStatus != 503 || d.LastError != failed.Error || !d.Next.Equal(failed.Next) {
		b.Errorf("after a failure: %+v", d)
	}
	if s := b.begin(id)[0]; s.Attempt != 2 {
		b.Errorf("the second attempt is number %d", s.Attempt)
	}
	if d = b.Clerk.Delivery(id); !d.Next.IsZero() {
		b.Errorf("under way, and due at %v", d.Next)
	}
	b.finish(b.result(id, 2, 200, delivery.Delivered))
	if d = b.expect(id, delivery.Delivered, 2); d.LastStatus != 200 || d.LastError != "" || !d.Next.IsZero() {
		b.Errorf("after a success: %+v", d)
	}
	first := b.expectStatuses(id, 503, 200)[0]
	if !reflect.DeepEqual(first, failed.Attempt) {
		b.Errorf("kept:\n%+v, want\n%+v", first, failed.Attempt)
	}
	dead := b.put()
	b.begin(dead)
	b.finish(b.result(dead, 1, 410, delivery.Dead))
	b.expect(dead, delivery.Dead, 1)
	b.finish()
}

func finishAgain(b *bench) {
	id := b.put()
	b.begin(id)
	first := b.result(id, 1, 503, delivery.Retrying)
	b.finish(first, first)
	b.finish(first)
	b.begin(id)
	b.finish(first)
	b.expect(id, delivery.Delivering, 2)
	second := b.result(id, 2, 200, delivery.Delivered)
	b.finish(second, first)
	b.finish(first, second)
	b.expect(id, delivery.Delivered, 2)
	b.expectStatuses(id, 503, 200)
	unknown := b.result(dedup.NewID(b.now), 1, 200, delivery.Delivered)
	b.finish(unknown)
}

func beginLost(b *bench) {
	id := b.put()
	b.begin(id)
	if s := b.beginAs(b.again(id))[0]; s.Attempt != 2 {
		b.Errorf("the attempt after a lost one is number %d", s.Attempt)
	}
	if lost := b.expectStatuses(id, 0)[0]; lost.Error == "" {
		b.Error("nobody is told that the attempt was lost")
	}
	b.finish(b.result(id, 2, 200, delivery.Delivered))
	b.expect(id, delivery.Delivered, 2)
	b.expectStatuses(id, 0, 200)
}

func finishLate(b *bench) {
	id := b.put()
	b.begin(id)
	b.beginAs(b.again(id))
	b.finish(b.result(id, 1, 500, delivery.Retrying))
	b.expect(id, delivery.Delivering, 2)
	if late := b.expectStatuses(id, 500)[0]; string(late.Answer) != "answer" {
		b.Errorf("the late answer was not kept: %+v", late)
	}
	b.finish(b.result(id, 1, 200, delivery.Delivered))
	b.expect(id, delivery.Delivered, 2)
	b.finish(b.result(id, 2, 500, delivery.Dead))
	b.expect(id, delivery.Delivered, 2)
	b.expectStatuses(id, 200, 500)

	retrying := b.put()
	b.begin(retrying)
	b.beginAs(b.again(retrying))
	b.finish(b.result(retrying, 2, 500, delivery.Retrying))
	b.finish(b.result(retrying, 1, 200, delivery.Delivered))
	if d := b.expect(retrying, delivery.Delivered, 2); !d.Next.IsZero() {
		b.Errorf("delivered, and due at %v", d.Next)
	}
}

func finishCancelled(b *bench) {
	for _, state := range []delivery.State{delivery.Delivered, delivery.Retrying, delivery.Dead} {
		id := b.put()
		b.begin(id)
		b.Clerk.Cancel(id)
		b.finish(b.result(id, 1, 200, state))
		b.expect(id, delivery.Cancelled, 1)
		b.expectStatuses(id, 200)
	}
}

func beginForgiven(b *bench) {
	id := b.put()
	b.begin(id)
	b.finish(b.result(id, 1, 500, delivery.Retrying))
	b.begin(id)
	dead := b.result(id, 2, 500, delivery.Dead)
	b.finish(dead)
	b.Clerk.Retry(id)
	b.finish(dead)
	b.expect(id, delivery.Pending, 2)
	if s := b.begin(id)[0]; s.Attempt != 3 || s.Forgiven != 2 {
		b.Errorf("attempt %d, %d forgiven; want 3 and 2", s.Attempt, s.Forgiven)
	}
	b.finish(b.result(id, 3, 200, delivery.Delivered))
	b.expect(id, delivery.Delivered, 3)
	b.expectStatuses(id, 500, 500, 200)
}

func finishTexts(b *bench) {
	id := b.put()
	b.begin(id)
	r := b.result(id, 1, 500, delivery.Retrying)
	r.Error, r.Answer = "no\x00 \xff\xfe", append([]byte{0, 0xff}, bytes.Repeat([]byte("x"), 3*delivery.AnswerKept)...)
	b.finish(r)
	b.expect(id, delivery.Retrying, 1)
	kept := b.expectStatuses(id, 500)[0]
	if !bytes.Equal(kept.Answer, r.Answer[:delivery.AnswerKept]) || kept.Error == "" {
		b.Errorf("%d bytes of the answer are kept, and the error %q", len(kept.Answer), kept.Error)
	}
	b.begin(id)
	r = b.result(id, 2, 200, delivery.Delivered)
	r.Answer = nil
	b.finish(r)
	b.expectStatuses(id, 500, 200)
}

// beginOutdated makes new jobs in every way: only the newest may begin.
func beginOutdated(b *bench) {
	id := b.put()
	first := b.claims(id)[0]
	b.begin(id)
	b.finish(b.result(id, 1, 500, delivery.Retrying))
	b.refused(false, first)
	second := b.claims(id)[0]
	if second.Job == first.Job {
		b.Fatal("a second try has no job of its own")
	}
	b.beginAs(second)
	b.finish(b.result(id, 2, 410, delivery.Dead))
	b.Clerk.Retry(id)
	b.refused(false, first, second)
	first.Again, second.Again = true, true
	b.refused(false, first, second)
	b.expect(id, delivery.Pending, 2)
	if s := b.begin(id)[0]; s.Attempt != 3 || s.Job != b.Clerk.Delivery(id).Job {
		b.Errorf("begun: %+v", s)
	}
	b.expectStatuses(id, 500, 410)
}

// beginUnderWay has an operator call off a delivery that is being attempted, and take it up again.
func beginUnderWay(b *bench) {
	for status, state := range map[int]delivery.State{500: delivery.Pending, 200: delivery.Delivered} {
		id := b.put()
		b.begin(id)
		old := b.again(id)
		b.Clerk.Cancel(id)
		b.Clerk.Retry(id)
		b.refused(true, b.claims(id)...)
		b.refused(true, b.again(id)) // it has begun none itself
		b.expect(id, delivery.Pending, 1)
		result := b.result(id, 1, status, delivery.Retrying)
		if status == 200 {
			result.State = delivery.Delivered
		}
		b.finish(result)
		b.finish(result)
		b.expect(id, state, 1)
		b.expectStatuses(id, status)
		if b.refused(false, old); state == delivery.Pending {
			b.begin(id)
			b.refused(false, old)
			b.expect(id, delivery.Delivering, 2)
		}
	}
	// The old job's process dies, and the job is worked once more: nobody is in the way any longer.
	id := b.put()
	b.begin(id)
	old := b.again(id)
	b.Clerk.Cancel(id)
	b.Clerk.Retry(id)
	b.refused(false, old)
	b.begin(id)
	b.expectStatuses(id, 0)
}

func takeOver(b *bench) {
	waiting, attempted, over, outdated := b.put(), b.put(), b.put(), b.put()
	b.begin(attempted, over)
	b.finish(b.result(over, 1, 204, delivery.Delivered))
	b.begin(outdated)
	claims := b.claims(waiting, attempted, over, outdated)
	b.Clerk.Cancel(outdated)
	b.Clerk.Retry(outdated)
	if n := b.Clerk.TakeOver(claims...); n != 2 {
		b.Errorf("%d deliveries go on, want 2", n)
	}
	if n := b.Clerk.TakeOver(claims...); n != 0 {
		b.Errorf("%d deliveries go on twice", n)
	}
	b.refused(false, claims...)
	for i := range claims {
		claims[i].Again = true
	}
	b.refused(false, claims...)
	if s := b.begin(waiting, attempted, outdated); len(s) == 3 {
		b.expect(waiting, delivery.Delivering, 1)
		b.expect(attempted, delivery.Delivering, 2)
		b.expect(outdated, delivery.Delivering, 2)
	}
	b.expectStatuses(attempted, 0)
	b.expectStatuses(outdated, 0)
	b.finish(b.result(attempted, 1, 500, delivery.Retrying)) // its process lives after all
	b.expect(attempted, delivery.Delivering, 2)
	b.finish(b.result(attempted, 1, 200, delivery.Delivered))
	b.expect(attempted, delivery.Delivered, 2)
}

// beginAtOnce has many processes begin with the same claims: each delivery is begun once.
func beginAtOnce(b *bench) {
	const processes, deliveries = 4, 20
	var ids []dedup.ID
	for range deliveries {
		ids = append(ids, b.put())
	}
	claims := b.claims(ids...)
	b.Clerk.TakeOver(claims...)
	newest := b.claims(ids...)
	var mu sync.Mutex
	begun := map[dedup.ID]int{}
	var all sync.WaitGroup
	for p := range processes {
		all.Go(func() {
			with := newest
			if p%2 == 1 {
				with = claims
			}
			for part := range slices.Chunk(with, 3+p) {
				var got delivery.Begun
				if err := patiently(func() (err error) { got, err = b.Store.Begin(b.Context(), part); return err }); err != nil {
					b.Error(err)
				}
				mu.Lock()
				for _, s := range got.Shipments {
					begun[s.ID] = max(begun[s.ID], s.Attempt)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		if begun[id] != 1 {
			b.Errorf("a delivery was begun %d times", begun[id])
		}
		b.expect(id, delivery.Delivering, 1)
	}
}

// atOnce has several workers begin and finish the same deliveries again and again: each ends delivered, and each
// attempt is kept once.
func atOnce(b *bench) {
	const workers, deliveries = 4, 40
	var ids []dedup.ID
	for range deliveries {
		ids = append(ids, b.put())
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for part := range slices.Chunk(ids, 8+w) {
				if err := deliver(b, part); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		d := b.Clerk.Delivery(id)
		if attempts := b.Clerk.Attempts(id); d.State != delivery.Delivered || d.Attempts < 1 || d.Attempts > workers || len(attempts) != d.Attempts {
			b.Errorf("a delivery is %s after %d attempts, of which %d are kept", d.State, d.Attempts, len(attempts))
		}
	}
}

// deliver begins and finishes what it may.
func deliver(b *bench, ids []dedup.ID) error {
	claims := make([]delivery.Claim, len(ids))
	for i, id := range ids {
		claims[i] = delivery.Claim{Delivery: id, Again: true}
	}
	var begun delivery.Begun
	err := patiently(func() (err error) {
		begun, err = b.Store.Begin(b.Context(), claims)
		return err
	})
	if err != nil {
		return err
	}
	var results []delivery.Result
	for _, s := range begun.Shipments {
		results = append(results, delivery.Result{
			Attempt: delivery.Attempt{DeliveryID: s.ID, Number: s.Attempt, StartedAt: time.Now(), Status: 200}, State: delivery.Delivered,
		})
	}
	return patiently(func() error { return b.Store.Finish(b.Context(), results) })
}
