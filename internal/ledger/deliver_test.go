package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/view"
)

var operator = view.Act{Actor: "olga", Reason: "the app was down"}

// office is a ledger with an outbox, and what a test asks of it.
type office struct {
	t *testing.T
	*Ledger
	clock time.Time
}

func openOffice(t *testing.T, l *Ledger, route func(delivery.Event) []delivery.Route) *office {
	t.Helper()
	o := &office{t: t, Ledger: l, clock: time.Now().UTC().Truncate(time.Millisecond).Add(-10 * time.Hour)}
	l.now = func() time.Time { return o.clock }
	forwarding(t, l, route)
	return o
}

// tell records events of runs, the n-th with type t<n%2>, a second apart.
func (o *office) tell(n int) (ids []string) {
	o.t.Helper()
	for i := range n {
		run := fmt.Sprint("run", i)
		e := newEntry(o.clock, dedup.Compose("r", run, "", "C"), run)
		e.Type = fmt.Sprint("t", i%2)
		ids = append(ids, mustRecord(o.t, o.Ledger, e)[0].EventID.String())
		o.clock = o.clock.Add(time.Second)
	}
	return ids
}

// all lists deliveries as "destination state replay".
func (o *office) all(f view.DeliveryFilter) map[string]int {
	o.t.Helper()
	page, err := o.Deliveries(o.t.Context(), view.DeliveryQuery{DeliveryFilter: f, Paging: view.Paging{Limit: view.MaxLimit}})
	if err != nil {
		o.t.Fatal(err)
	}
	counts := map[string]int{}
	for _, d := range page.Items {
		counts[fmt.Sprintf("%s %s %d", d.Destination, d.State, d.Replay)]++
	}
	return counts
}

func (o *office) expect(what string, want map[string]int) {
	o.t.Helper()
	if diff := gocmp.Diff(want, o.all(view.DeliveryFilter{})); diff != "" {
		o.t.Errorf("%s: deliveries (-want +got):\n%s", what, diff)
	}
}

func (o *office) jobs() (n int64) {
	o.t.Helper()
	if err := o.db.Table("jobs").Count(&n).Error; err != nil {
		o.t.Fatal(err)
	}
	return n
}

// audit is the newest entry.
func (o *office) audit() (row auditRow) {
	o.t.Helper()
	if err := o.db.Order("id DESC").Limit(1).Find(&row).Error; err != nil {
		o.t.Fatal(err)
	}
	return row
}

// bury makes dead letters of all that can be sent to a destination.
func (o *office) bury(destination string) {
	o.t.Helper()
	o.finish(destination, delivery.Dead)
}

func (o *office) finish(destination string, state delivery.State) {
	o.t.Helper()
	begun, err := o.Begin(o.t.Context(), o.claims(destination))
	var results []delivery.Result
	for _, s := range begun.Shipments {
		results = append(results, delivery.Result{
			Attempt: delivery.Attempt{DeliveryID: s.ID, Number: s.Attempt, StartedAt: o.clock, Status: 500, Error: "no"}, State: state,
		})
	}
	if err == nil {
		err = o.Finish(o.t.Context(), results)
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

// claims are those of the jobs of all that can be sent to a destination.
func (o *office) claims(destination string) []delivery.Claim {
	o.t.Helper()
	var rows []deliveryRow
	err := o.db.Where("destination = ? AND state IN ('pending', 'retrying')", destination).Find(&rows).Error
	if err != nil {
		o.t.Fatal(err)
	}
	claims := make([]delivery.Claim, len(rows))
	for i, row := range rows {
		claims[i] = delivery.Claim{Delivery: dedup.ID(row.ID), Job: row.Job}
	}
	return claims
}

type changing func(context.Context, view.DeliverySelection, view.Act) (view.Changed, error)

// do changes deliveries, in a dry run first, which has to say the same and to change nothing.
func (o *office) do(change changing, sel view.DeliverySelection, want int64) {
	o.t.Helper()
	before, jobs := o.all(view.DeliveryFilter{}), o.jobs()
	dry := operator
	dry.DryRun = true
	o.clock = o.clock.Add(time.Second)
	done, err := change(o.t.Context(), sel, dry)
	if err != nil || done != (view.Changed{DryRun: true, Deliveries: want}) {
		o.t.Errorf("dry run: %+v, error %v; want %d", done, err, want)
	}
	if diff := gocmp.Diff(before, o.all(view.DeliveryFilter{})); diff != "" || o.jobs() != jobs {
		o.t.Errorf("the dry run changed something: %s", diff)
	}
	if done, err = change(o.t.Context(), sel, operator); err != nil || done != (view.Changed{Deliveries: want}) {
		o.t.Errorf("changed: %+v, error %v; want %d", done, err, want)
	}
}

func TestDeadLettersAreRetried(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		o := openOffice(t, l, to("a", "b"))
		o.tell(3)
		o.bury("a")
		o.bury("b")
		o.do(o.RetryDeliveries, view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{Destination: "a"}}, 3)
		o.expect("one destination's", map[string]int{"a pending 0": 3, "b dead 0": 3})
		if n := o.jobs(); n != 6 {
			t.Errorf("%d jobs, want one of each delivery", n)
		}
		got := o.audit()
		if got.Actor != "olga" || got.Reason != operator.Reason || got.Action != "deliveries.retry" || got.Target != "a" ||
			got.Detail != "3 deliveries of destination=a" || !got.At.Equal(o.clock) {
			t.Errorf("the audit has %+v", got)
		}
		o.do(o.RetryDeliveries, view.DeliverySelection{}, 3)
		o.expect("all", map[string]int{"a pending 0": 3, "b pending 0": 3})
		o.do(o.RetryDeliveries, view.DeliverySelection{}, 0)
		if n := o.jobs(); n != 6 {
			t.Errorf("%d jobs, want one of each delivery still", n)
		}
	})
}

func TestDeliveriesAreCancelledAndTakenUpAgain(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		o := openOffice(t, l, func(delivery.Event) []delivery.Route {
			return []delivery.Route{{Destination: "a"}, {Destination: "held", Hold: true}}
		})
		events := o.tell(4)
		if n := o.jobs(); n != 4 {
			t.Errorf("%d jobs, want none for what is held", n)
		}
		o.do(o.CancelDeliveries, view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{EventID: events[0]}}, 2)
		o.do(o.CancelDeliveries, view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{RunID: "run1", Destination: "held"}}, 1)
		o.do(o.CancelDeliveries, view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{Source: "nobody"}}, 0)
		o.expect("cancelled", map[string]int{"a cancelled 0": 1, "a pending 0": 3, "held cancelled 0": 2, "held held 0": 2})
		if n := o.jobs(); n != 3 {
			t.Errorf("%d jobs, want none for what is called off", n)
		}
		o.do(o.ReleaseDeliveries, view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{EventID: events[2]}}, 1)
		o.do(o.ReleaseDeliveries, view.DeliverySelection{}, 1)
		o.expect("released", map[string]int{"a cancelled 0": 1, "a pending 0": 3, "held cancelled 0": 2, "held pending 0": 2})
		o.do(o.RetryDeliveries, view.DeliverySelection{}, 0)
		o.do(o.RetryDeliveries, view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{State: "cancelled", Destination: "a"}}, 1)
		o.expect("taken up", map[string]int{"a pending 0": 4, "held cancelled 0": 2, "held pending 0": 2})
		if n := o.jobs(); n != 6 {
			t.Errorf("%d jobs, want one of each delivery that goes on", n)
		}
	})
}

func TestChangesThatAreRefused(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		o := openOffice(t, l, to("a"))
		events := o.tell(3)
		tight := view.Act{Actor: "olga", Max: 2}
		all := view.Range{Until: o.clock.Add(time.Hour)}
		byIDs := func(ids ...string) view.DeliverySelection { return view.DeliverySelection{IDs: ids} }
		inState := func(s string) view.DeliverySelection {
			return view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{State: s}}
		}
		for what, refused := range map[string]struct {
			do   func() (view.Changed, error)
			want error
		}{
			"cancel everything": {func() (view.Changed, error) {
				return o.CancelDeliveries(t.Context(), view.DeliverySelection{}, operator)
			}, view.ErrBadSelection},
			"cancel the dead":     {func() (view.Changed, error) { return o.CancelDeliveries(t.Context(), inState("dead"), operator) }, view.ErrBadSelection},
			"retry the delivered": {func() (view.Changed, error) { return o.RetryDeliveries(t.Context(), inState("delivered"), operator) }, view.ErrBadSelection},
			"retry what is no id": {func() (view.Changed, error) { return o.RetryDeliveries(t.Context(), byIDs("x"), operator) }, view.ErrBadSelection},
			"too many ids": {func() (view.Changed, error) {
				return o.RetryDeliveries(t.Context(), byIDs(make([]string, mostIDs+1)...), operator)
			}, view.ErrBadSelection},
			"cancel more than the cap": {func() (view.Changed, error) {
				return o.CancelDeliveries(t.Context(), view.DeliverySelection{DeliveryFilter: view.DeliveryFilter{Destination: "a"}}, tight)
			}, view.ErrTooMany},
			"replay everything":        {func() (view.Changed, error) { return o.Replay(t.Context(), view.ReplaySelection{}, operator) }, view.ErrBadSelection},
			"replay more than the cap": {func() (view.Changed, error) { return o.Replay(t.Context(), view.ReplaySelection{Range: all}, tight) }, view.ErrTooMany},
			"replay what is no id": {func() (view.Changed, error) {
				return o.Replay(t.Context(), view.ReplaySelection{EventIDs: []string{events[0] + "0"}}, operator)
			}, view.ErrBadSelection},
			"fill no destination": {func() (view.Changed, error) {
				return o.Backfill(t.Context(), view.ReplaySelection{Range: all}, operator)
			}, view.ErrBadSelection},
		} {
			done, err := refused.do()
			if !errors.Is(err, refused.want) || done != (view.Changed{}) {
				t.Errorf("%s: %+v, error %v", what, done, err)
			}
		}
		o.expect("nothing was changed", map[string]int{"a pending 0": 3})
		if n := o.jobs(); n != 3 || o.audit().Actor != "" {
			t.Errorf("%d jobs, want 3; audit %+v", n, o.audit())
		}
		o.SetOutbox(nil)
		if _, err := o.Replay(t.Context(), view.ReplaySelection{Range: all}, operator); !errors.Is(err, view.ErrBadSelection) {
			t.Errorf("a replay without destinations: %v", err)
		}
	})
}

func TestReplays(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		o := openOffice(t, l, func(e delivery.Event) []delivery.Route {
			routes := []delivery.Route{{Destination: "all", Hold: true}}
			if e.Type == "t1" {
				routes = append(routes, delivery.Route{Destination: "odd"})
			}
			return routes
		})
		start := o.clock
		events := o.tell(6)
		o.expect("told", map[string]int{"all held 0": 6, "odd pending 0": 3})
		replay := func(sel view.ReplaySelection, wantDeliveries, wantEvents int64) {
			t.Helper()
			dry, jobs := operator, o.jobs()
			dry.DryRun = true
			done, err := o.Replay(t.Context(), sel, dry)
			if err != nil || done != (view.Changed{DryRun: true, Deliveries: wantDeliveries, Events: wantEvents}) || o.jobs() != jobs {
				t.Errorf("dry run of %+v: %+v, error %v", sel, done, err)
			}
			done, err = o.Replay(t.Context(), sel, operator)
			if err != nil || done != (view.Changed{Deliveries: wantDeliveries, Events: wantEvents}) || o.jobs() != jobs+wantDeliveries {
				t.Errorf("replay of %+v: %+v, error %v, %d jobs more", sel, done, err, o.jobs()-jobs)
			}
		}
		replay(view.ReplaySelection{EventIDs: events[:2]}, 3, 2)
		o.expect("by id", map[string]int{"all held 0": 6, "odd pending 0": 3, "all pending 1": 2, "odd pending 1": 1})
		if got := o.audit(); got.Action != "events.replay" || !strings.HasPrefix(got.Detail, "3 deliveries of 2 events of events="+events[0]) {
			t.Errorf("the audit has %+v", got)
		}
		replay(view.ReplaySelection{EventIDs: events[:1], Destination: "odd"}, 1, 1) // though it does not want the type
		replay(view.ReplaySelection{RunID: "run1"}, 2, 1)
		o.expect("of a run", map[string]int{
			"all held 0": 6, "odd pending 0": 3, "all pending 1": 2, "odd pending 1": 2, "all pending 2": 1, "odd pending 2": 1,
		})
		replay(view.ReplaySelection{Range: view.Range{Since: start.Add(2 * time.Second), Until: start.Add(4 * time.Second)}}, 3, 2)
		replay(view.ReplaySelection{Range: view.Range{Since: start}, Types: []string{"t0", "none"}}, 3, 3)
		replay(view.ReplaySelection{Range: view.Range{Since: start}, Destination: "odd"}, 3, 3)
		replay(view.ReplaySelection{Range: view.Range{Since: start}, Destination: "nobody"}, 0, 0)
		replay(view.ReplaySelection{Range: view.Range{Since: start}, Source: "nobody"}, 0, 0)
		replay(view.ReplaySelection{RunID: "a\x00"}, 0, 0)
	})
}

func TestBackfill(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		now := []string{"old"}
		o := openOffice(t, l, func(e delivery.Event) []delivery.Route { return to(now...)(e) })
		start := o.clock
		o.tell(3)
		now = []string{"old", "young"}
		o.tell(0)
		late := newEntry(o.clock, dedup.Compose("r", "late", "", "C"), "late")
		mustRecord(t, l, late)
		sel := view.ReplaySelection{Range: view.Range{Since: start}, Destination: "young"}
		dry, err := o.Backfill(t.Context(), sel, view.Act{DryRun: true})
		if err != nil || dry != (view.Changed{DryRun: true, Deliveries: 3, Events: 3}) {
			t.Errorf("dry run: %+v, error %v", dry, err)
		}
		for round, want := range []int64{3, 0} {
			done, err := o.Backfill(t.Context(), sel, operator)
			if err != nil || done != (view.Changed{Deliveries: want, Events: want}) {
				t.Errorf("round %d: %+v, error %v", round, done, err)
			}
		}
		o.expect("filled", map[string]int{"old pending 0": 4, "young pending 0": 4})
		if n := o.jobs(); n != 8 {
			t.Errorf("%d jobs, want 8", n)
		}
	})
}

func TestStuck(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		o := openOffice(t, l, to("a"))
		o.tell(3)
		ended := newEntry(o.clock, dedup.Compose("r", "run0", "1", "S"), "run0")
		ended.Status, ended.Version.Rank = dedup.StatusSucceeded, dedup.RankEnd
		mustRecord(t, l, ended)
		ids := make([]dedup.ID, 0, 4)
		page, err := o.Deliveries(t.Context(), view.DeliveryQuery{})
		for _, d := range page.Items { // newest first
			id, parsed := dedup.ParseID(d.ID)
			ids, err = append(ids, id), errors.Join(err, parsed)
		}
		if err != nil || len(ids) != 4 {
			t.Fatalf("%d deliveries, error %v", len(ids), err)
		}
		if _, err = o.Begin(t.Context(), []delivery.Claim{{Delivery: ids[0]}, {Delivery: ids[1]}}); err != nil {
			t.Fatal(err)
		}
		o.do(o.CancelDeliveries, view.DeliverySelection{IDs: []string{ids[3].String()}}, 1)
		look := func(q view.StuckQuery, runs, deliveries, orphaned int) view.StuckReport {
			t.Helper()
			r, err := o.Stuck(t.Context(), q)
			if err != nil || len(r.Runs) != runs || len(r.Deliveries) != deliveries || len(r.Orphaned) != orphaned {
				t.Errorf("stuck: %+v, error %v; want %d runs, %d deliveries, %d orphaned", r, err, runs, deliveries, orphaned)
			}
			return r
		}
		look(view.StuckQuery{}, 0, 0, 0)
		o.clock = o.clock.Add(time.Hour)
		look(view.StuckQuery{}, 0, 0, 2)
		o.clock = o.clock.Add(24 * time.Hour)
		report := look(view.StuckQuery{}, 2, 3, 2)
		if !report.Deliveries[0].CreatedAt.Before(report.Deliveries[1].CreatedAt) || report.RunsCut {
			t.Errorf("not oldest first: %+v", report)
		}
		if r := look(view.StuckQuery{Limit: 1}, 1, 1, 1); !r.RunsCut || !r.DeliveriesCut || !r.OrphanedCut {
			t.Errorf("nobody is told that there are more: %+v", r)
		}
		jobs := o.jobs()
		o.do(func(ctx context.Context, _ view.DeliverySelection, act view.Act) (view.Changed, error) {
			return o.ClearStuck(ctx, view.StuckQuery{}, act)
		}, view.DeliverySelection{}, 3)
		if n := o.jobs(); n != jobs {
			t.Errorf("%d jobs more, want new ones in place of those that may still be there", n-jobs)
		}
		o.expect("cleared", map[string]int{"a pending 0": 1, "a retrying 0": 2, "a cancelled 0": 1})
		h, err := o.Delivery(t.Context(), ids[0].String())
		if err != nil || len(h.Attempts) != 1 || h.Attempts[0].Error != lostAttempt {
			t.Errorf("an orphaned one: %+v, error %v", h, err)
		}
		if begun, err := o.Begin(t.Context(), []delivery.Claim{{Delivery: ids[0], Again: true}, {Delivery: ids[2], Again: true}}); err != nil ||
			len(begun.Shipments)+len(begun.Waiting) != 0 {
			t.Errorf("jobs from before the clearing begin %+v, error %v", begun, err)
		}
		look(view.StuckQuery{}, 2, 3, 0)
		done, err := o.ClearStuck(t.Context(), view.StuckQuery{}, operator)
		if err != nil || done.Deliveries != 0 {
			t.Errorf("cleared again: %+v, error %v", done, err)
		}
	})
}

func TestDeliveryStats(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		o := openOffice(t, l, to("a", "b", "c"))
		events := o.tell(2)
		o.finish("a", delivery.Delivered)
		o.bury("b")
		o.bury("b")
		s, err := o.DeliveryStats(t.Context(), view.Range{})
		if err != nil {
			t.Fatal(err)
		}
		first, err := dedup.ParseID(events[0])
		if err != nil {
			t.Fatal(err)
		}
		oldest := first.Time()
		want := []view.DestinationStats{{Destination: "b", Dead: 2}, {Destination: "c", Pending: 2, OldestAt: &oldest}}
		if diff := gocmp.Diff(want, s.Destinations); diff != "" {
			t.Errorf("destinations (-want +got):\n%s", diff)
		}
		attempts := []view.AttemptCount{{Destination: "a", State: "delivered", Count: 2}, {Destination: "b", State: "dead", Count: 2}}
		if diff := gocmp.Diff(attempts, s.Attempts); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
		later, err := o.DeliveryStats(t.Context(), view.Range{Since: o.clock.Add(time.Hour), Until: o.clock.Add(2 * time.Hour)})
		if err != nil || len(later.Attempts) != 0 {
			t.Errorf("a time without attempts: %+v, error %v", later, err)
		}
	})
}

func TestDeliveriesAreListed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *Ledger) {
		o := openOffice(t, l, to("a", "b"))
		start := o.clock
		events := o.tell(7)
		seen := map[string]bool{}
		var last view.Delivery
		for p := (view.Paging{Limit: 4}); ; {
			page, err := o.Deliveries(t.Context(), view.DeliveryQuery{Paging: p})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range page.Items {
				if seen[d.ID] || last.ID != "" && d.ID >= last.ID {
					t.Errorf("%s after %s", d.ID, last.ID)
				}
				seen[d.ID], last = true, d
			}
			if p.Cursor = page.Next; p.Cursor == "" {
				break
			}
		}
		if len(seen) != 14 {
			t.Errorf("%d deliveries were listed, want 14", len(seen))
		}
		want := view.Delivery{
			ID: last.ID, EventID: events[0], Destination: last.Destination, Source: "apify", Kind: "run", RunID: "run0", EventType: "t0",
			Seq: 1, State: "pending", CreatedAt: start, UpdatedAt: start,
		}
		if diff := gocmp.Diff(want, last); diff != "" {
			t.Errorf("the oldest (-want +got):\n%s", diff)
		}
		for what, c := range map[string]struct {
			f    view.DeliveryFilter
			want int
		}{
			"destination":     {view.DeliveryFilter{Destination: "a"}, 7},
			"state":           {view.DeliveryFilter{State: "pending"}, 14},
			"other state":     {view.DeliveryFilter{State: "dead"}, 0},
			"no state":        {view.DeliveryFilter{State: "lost"}, 0},
			"source":          {view.DeliveryFilter{Source: "apify"}, 14},
			"other source":    {view.DeliveryFilter{Source: "other"}, 0},
			"run":             {view.DeliveryFilter{RunID: "run3"}, 2},
			"event":           {view.DeliveryFilter{EventID: events[4]}, 2},
			"no event":        {view.DeliveryFilter{EventID: "x"}, 0},
			"time":            {view.DeliveryFilter{Range: view.Range{Since: start.Add(2 * time.Second), Until: start.Add(4 * time.Second)}}, 4},
			"several":         {view.DeliveryFilter{RunID: "run3", Destination: "b", State: "pending"}, 1},
			"what can't be":   {view.DeliveryFilter{Destination: "\x00"}, 0},
			"what can't be 2": {view.DeliveryFilter{RunID: "\xff"}, 0},
		} {
			page, err := o.Deliveries(t.Context(), view.DeliveryQuery{DeliveryFilter: c.f})
			if err != nil || len(page.Items) != c.want {
				t.Errorf("by %s: %d, error %v; want %d", what, len(page.Items), err, c.want)
			}
		}
		if _, err := o.Deliveries(t.Context(), view.DeliveryQuery{Paging: view.Paging{Cursor: "?"}}); !errors.Is(err, view.ErrBadCursor) {
			t.Errorf("a bad cursor gives %v", err)
		}
		for _, id := range []string{"x", events[0]} {
			if _, err := o.Delivery(t.Context(), id); !errors.Is(err, view.ErrNotFound) {
				t.Errorf("delivery %s: %v", id, err)
			}
		}
	})
}
