package storm

import (
	"context"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// receiptCount is how often an event is in the gateway's receipts.
type receiptCount struct {
	all    int
	firsts int // not as a duplicate
}

// checkReceipts looks for the receipt of every 2xx, and counts the receipts of every event.
func (a *audit) checkReceipts(ctx context.Context) error {
	missing := a.notes()
	a.counts = map[dedup.ID]*receiptCount{}
	seen := map[dedup.ID]bool{}
	err := each(ctx, a, func(p view.Paging) (view.Page[view.Receipt], error) {
		return a.API.Receipts(ctx, view.ReceiptQuery{Range: a.span, Paging: p, Source: a.Source})
	}, func(v view.Receipt) { a.readReceipt(v, missing, seen) })
	if err != nil {
		return err
	}
	a.checkMissing(missing)
	for _, run := range a.books.runs {
		for e := range run.told {
			for _, id := range run.told[e].ids {
				if err := a.checkCount(ctx, id, place{run, e}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// notes are the receipts that answers named, by id.
func (a *audit) notes() map[dedup.ID]*receiptNote {
	notes := make(map[dedup.ID]*receiptNote, len(a.books.receipts))
	for i := range a.books.receipts {
		n := &a.books.receipts[i]
		if notes[n.id] != nil {
			a.found(KindReceipts, place{n.run, n.at}, "two answers name the receipt %s", n.id)
		}
		notes[n.id] = n
	}
	return notes
}

// readReceipt takes a receipt that is there off the missing ones.
func (a *audit) readReceipt(v view.Receipt, missing map[dedup.ID]*receiptNote, seen map[dedup.ID]bool) {
	id, err := dedup.ParseID(v.ID)
	if err != nil {
		return // nobody answered with such an id
	}
	a.count(v)
	if seen[id] {
		if at, ok := a.ownerOf(v); ok {
			a.found(KindReceipts, at, "receipt %s is there twice", id)
		}
		return
	}
	if n := missing[id]; n != nil {
		seen[id] = true
		delete(missing, id)
		a.compareReceipt(n, v)
	}
}

func (a *audit) ownerOf(v view.Receipt) (place, bool) {
	id, err := dedup.ParseID(v.EventID)
	if err != nil {
		return place{}, false
	}
	at, ok := a.owner[id]
	return at, ok
}

func (a *audit) count(v view.Receipt) {
	if _, ours := a.ownerOf(v); !ours {
		return
	}
	a.report.Receipts++
	id, _ := dedup.ParseID(v.EventID) // read by ownerOf before
	c := a.counts[id]
	if c == nil {
		c = &receiptCount{}
		a.counts[id] = c
	}
	c.all++
	if v.Outcome != string(dedup.OutcomeDuplicate) {
		c.firsts++
	}
}

func (a *audit) compareReceipt(n *receiptNote, v view.Receipt) {
	event := ""
	if !n.event.IsZero() {
		event = n.event.String()
	}
	if v.Outcome != n.outcome || v.Reason != n.reason || v.EventID != event {
		a.found(KindReceipts, place{n.run, n.at}, "receipt %s says %.40q, %.40q, event %.60q; the answer said %.40q, %.40q, event %.60q",
			n.id, v.Outcome, v.Reason, v.EventID, n.outcome, n.reason, event)
	}
}

// checkMissing judges the answers without a receipt. Those of window hits are as durable as Redis.
func (a *audit) checkMissing(missing map[dedup.ID]*receiptNote) {
	for i := range a.books.receipts {
		n := &a.books.receipts[i]
		if missing[n.id] != n {
			continue
		}
		if a.RedisMayForget && n.reason == string(dedup.ReasonWindowHit) {
			a.report.LostHits++
			continue
		}
		a.found(KindReceipts, place{n.run, n.at}, "answered 2xx with receipt %s (%.40q, %.40q), which is not there", n.id, n.outcome, n.reason)
	}
}

// checkCount wants an event to have no more receipts than attempts, one first among them, and the hits they add up to.
func (a *audit) checkCount(ctx context.Context, id dedup.ID, at place) error {
	c, row := a.counts[id], a.rows[id]
	if c == nil || row.ID == "" || a.owner[id] != at {
		return nil // said already, as a missing receipt or a lost event
	}
	if attempts := at.run.told[at.e].attempts; c.all > attempts {
		a.found(KindReceipts, at, "event %s has %d receipts of %d attempts", id, c.all, attempts)
	}
	if c.firsts > 1 {
		a.found(KindDoubled, at, "event %s has %d receipts that say first", id, c.firsts)
	}
	hits, counted := int64(c.all-c.firsts), row.Hits
	if hits != counted && a.recounts > 0 {
		a.recounts--
		var err error
		if hits, counted, err = a.recount(ctx, id); err != nil {
			return err
		}
	}
	if hits != counted {
		a.found(KindReceipts, at, "event %s counts %d duplicates, %d receipts of duplicates are there", id, counted, hits)
	}
	return nil
}

// recount reads the duplicates of one event again: as receipts, and as the event counts them.
func (a *audit) recount(ctx context.Context, id dedup.ID) (hits, counted int64, err error) {
	err = each(ctx, a, func(p view.Paging) (view.Page[view.Receipt], error) {
		return a.API.Receipts(ctx, view.ReceiptQuery{Paging: p, EventID: id.String()})
	}, func(v view.Receipt) {
		if v.Outcome == string(dedup.OutcomeDuplicate) {
			hits++
		}
	})
	if err != nil {
		return 0, 0, err
	}
	row, err := ask(ctx, a, func() (view.Event, error) { return a.API.Event(ctx, id.String()) })
	return hits, row.Hits, err
}
