package storm

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// claimIDs notes which event every id belongs to that an answer named, and finds ids that two events share.
func (a *audit) claimIDs() {
	a.owner = map[dedup.ID]place{}
	for _, run := range a.books.runs {
		for e := range run.told {
			at := place{run, e}
			for _, id := range run.told[e].ids {
				if other, taken := a.owner[id]; taken {
					a.found(KindLost, at, "answered with event %s, which is %s of run %s", id, other.run.events[other.e].eventType, other.run.runID)
					continue
				}
				a.owner[id] = at
			}
		}
	}
}

// readEvents collects the gateway's events of the storm.
func (a *audit) readEvents(ctx context.Context) error {
	a.rows, a.runOf, a.perRun = map[dedup.ID]view.Event{}, map[dedup.ID]*played{}, map[*played]*tally{}
	byTest := map[string]*played{} // dispatch id of a TEST
	for _, run := range a.books.runs {
		for e := range run.events {
			if h := &run.events[e]; h.isTest() {
				byTest[h.dispatches[0]] = run
			}
		}
	}
	return each(ctx, a, func(p view.Paging) (view.Page[view.Event], error) {
		return a.API.Events(ctx, view.EventQuery{Range: a.span, Paging: p, Source: a.Source})
	}, func(row view.Event) {
		run := a.books.byRun[row.RunID]
		if row.Type == typeTest {
			run = byTest[row.DispatchID]
		}
		if run != nil {
			a.keep(run, row)
		}
	})
}

func (a *audit) keep(run *played, row view.Event) {
	id, err := dedup.ParseID(row.ID)
	if _, known := a.rows[id]; known || err != nil {
		a.found(KindDoubled, place{run, -1}, "event %.60q of type %.60q is listed twice, or its id is none", row.ID, row.Type)
		return
	}
	row.Headers = nil
	a.rows[id], a.runOf[id] = row, run
	a.report.EventsFound++
	t := a.perRun[run]
	if t == nil {
		t = &tally{byType: map[string]int{}}
		a.perRun[run] = t
	}
	t.byType[row.Type]++
	if row.Type != typeTest {
		t.ofRun++
		if row.Outcome == string(dedup.OutcomeNew) {
			t.news++
		}
	}
}

// checkEvents looks for what was answered and is not there, and for what is there or was accepted more than once.
func (a *audit) checkEvents(ctx context.Context) error {
	for _, run := range a.books.runs {
		sent := map[string]int{}
		for e := range run.told {
			if run.told[e].attempts > 0 {
				sent[run.events[e].eventType]++
			}
			if err := a.checkEvent(ctx, place{run, e}); err != nil {
				return err
			}
		}
		a.checkTally(run, sent)
	}
	return nil
}

// checkTally compares how many events of each type are there with how many were sent.
func (a *audit) checkTally(run *played, sent map[string]int) {
	t := a.perRun[run]
	if t == nil {
		return
	}
	for eventType, n := range t.byType {
		if n > sent[eventType] {
			a.found(KindDoubled, place{run, -1}, "%d events of type %.60q are there, %d were told", n, eventType, sent[eventType])
		}
	}
	if t.news > 1 {
		a.found(KindDoubled, place{run, -1}, "%d events say that they were the run's first", t.news)
	}
}

func (a *audit) checkEvent(ctx context.Context, at place) error {
	t := &at.run.told[at.e]
	if len(t.firsts) > 1 {
		a.found(KindDoubled, at, "accepted %d times, by receipts %s", len(t.firsts), t.firsts)
	}
	if len(t.ids) > 1 {
		a.found(KindDoubled, at, "answers name %d events: %s", len(t.ids), t.ids)
	}
	if t.acked > 0 && len(t.firsts) == 0 && t.unproven == 0 {
		a.found(KindNoFirst, at, "%d attempts, all answered 2xx, none as first", t.acked)
	}
	for _, id := range t.ids {
		row, there := a.rows[id]
		if !there {
			var err error
			if there, err = a.confirm(ctx, id, &row); err != nil {
				return err
			}
		}
		switch {
		case !there:
			a.found(KindLost, at, "answered 2xx %d times as event %s, which is not there", t.acked, id)
		case !at.matches(row):
			a.found(KindLost, at, "answered as event %s, which is %.60q of run %.60q by dispatch %.60q", id, row.Type, row.RunID, row.DispatchID)
		}
	}
	return nil
}

// confirm asks for one event before it is called missing.
func (a *audit) confirm(ctx context.Context, id dedup.ID, row *view.Event) (bool, error) {
	v, err := ask(ctx, a, func() (view.Event, error) { return a.API.Event(ctx, id.String()) })
	if errors.Is(err, view.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	v.Headers = nil
	*row, a.rows[id] = v, v
	return true, nil
}

func (at place) matches(row view.Event) bool {
	h := &at.run.events[at.e]
	if row.Type != h.eventType || !h.isTest() && row.RunID != at.run.runID {
		return false
	}
	return slices.Contains(h.dispatches, row.DispatchID)
}

// checkRuns compares the status that every run shows with the script's.
func (a *audit) checkRuns(ctx context.Context) error {
	shown := map[*played]view.Run{}
	err := each(ctx, a, func(p view.Paging) (view.Page[view.Run], error) {
		return a.API.Runs(ctx, view.RunQuery{Range: a.span, Paging: p, Source: a.Source})
	}, func(v view.Run) {
		run := a.books.byRun[v.RunID]
		if run == nil {
			return
		}
		if _, twice := shown[run]; twice {
			a.found(KindDoubled, place{run, -1}, "the run is listed twice")
		}
		shown[run] = v
	})
	if err != nil {
		return err
	}
	for _, run := range a.books.runs {
		if v, there := shown[run]; there {
			if err := a.checkRun(ctx, run, v); err != nil {
				return err
			}
		} else if run.highestAcked() >= 0 {
			a.found(KindLost, place{run, -1}, "the run is not listed")
		}
	}
	return nil
}

// checkRun allows the highest event that was answered, and any higher one that was sent and may have been taken.
func (a *audit) checkRun(ctx context.Context, run *played, v view.Run) error {
	at, acked := run.shows(v), run.highestAcked()
	switch {
	case at < acked:
		a.found(KindRegressed, place{run, -1}, "shows %s; its highest event is %s", displayed(v), run.events[acked].shown())
	case at < 0 || run.told[at].attempts == 0:
		a.found(KindRegressed, place{run, -1}, "shows %s, which nobody told", displayed(v))
	}
	there := 0
	if t := a.perRun[run]; t != nil {
		there = t.ofRun
	}
	if v.Events != int64(there) && a.recounts > 0 {
		a.recounts--
		again, err := ask(ctx, a, func() (view.Timeline, error) { return a.API.Run(ctx, v.Source, v.Kind, v.RunID) })
		if err != nil && !errors.Is(err, view.ErrNotFound) {
			return err
		}
		v, there = again.Run, len(again.Events)
	}
	if v.Events != int64(there) {
		a.found(KindReceipts, place{run, -1}, "the run counts %d events, %d are there", v.Events, there)
	}
	return nil
}

// highestAcked is the index of the last event that was answered 2xx, -1 for none.
func (p *played) highestAcked() int {
	for e := len(p.events) - 1; e >= 0; e-- {
		if !p.events[e].isTest() && p.told[e].acked > 0 {
			return e
		}
	}
	return -1
}

func (h *happening) shown() string { return fmt.Sprintf("%s (life %d)", h.status, h.life) }

func displayed(v view.Run) string { return fmt.Sprintf("%.40q (life %d)", v.Status, v.Life) }
