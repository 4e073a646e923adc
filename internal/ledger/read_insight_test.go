package ledger

import (
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// later makes a ledger's clock show another time.
func later(l *Ledger, now time.Time) { l.now = func() time.Time { return now } }

func mustSummarise(t *testing.T, l *Ledger) {
	t.Helper()
	if err := l.Summarise(t.Context(), true); err != nil {
		t.Fatal(err)
	}
}

// rollupsOf counts one receipt of two kinds in each minute, by several writers.
func rollupsOf(minutes int) []rollupRow {
	var rows []rollupRow
	for minute := range minutes {
		for shard := range 2 {
			rows = append(rows,
				rollupRow{Minute: at(minute), Source: "a", Outcome: "new", Reason: "first_seen", Shard: shard, Count: 1},
				rollupRow{Minute: at(minute), Source: "b", Outcome: "duplicate", Reason: "window_hit", Repeat: "twin", Shard: shard, Count: 2})
		}
	}
	return rows
}

func TestOverview(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		later(l, at(300))
		put(t, l, rollupsOf(300)...)
		put(t, l, rollupRow{Minute: at(7), Source: "a", Outcome: "quarantined", Reason: "not_json", Count: 5})
		o, err := l.Overview(t.Context(), view.Range{Since: at(0), Until: at(60)}, "")
		if err != nil {
			t.Fatal(err)
		}
		if o.StepSeconds != 60 || len(o.Series.Times) != 60 || o.Series.Times[1] != at(1).Unix() || !o.Since.Equal(at(0)) || !o.Until.Equal(at(60)) {
			t.Errorf("steps of %d s, %d of them, %v to %v", o.StepSeconds, len(o.Series.Times), o.Since, o.Until)
		}
		if o.Receipts != 120+240+5 || o.LetThrough != 120 || o.Duplicates != 240 || o.Saved != 240.0/365 {
			t.Errorf("%+v", o)
		}
		if o.Outcomes["new"] != 120 || o.Outcomes["late"] != 0 || len(o.Outcomes) != 6 || o.Reasons["window_hit"] != 240 || len(o.Reasons) != 8 || o.Repeats["twin"] != 240 {
			t.Errorf("%v %v %v", o.Outcomes, o.Reasons, o.Repeats)
		}
		line := o.Series.Outcomes["quarantined"]
		if len(line) != 60 || line[7] != 5 || line[8] != 0 || o.Series.Reasons["window_hit"][59] != 4 || o.Series.Outcomes["late"] != nil {
			t.Errorf("%v", o.Series)
		}
		if len(o.Advice) != 1 || o.Advice[0].Kind != "twins" || o.Advice[0].Source != "b" {
			t.Errorf("%+v", o.Advice)
		}
		o, err = l.Overview(t.Context(), view.Range{Since: at(0), Until: at(60)}, "a")
		if err != nil || o.Receipts != 125 || o.Duplicates != 0 {
			t.Errorf("of one source: %+v, %v", o, err)
		}
		if o, err = l.Overview(t.Context(), view.Range{Since: at(0)}, "\x00"); err != nil || o.Receipts != 0 {
			t.Errorf("of no source: %+v, %v", o, err)
		}
	})
}

// Sums must say what the minutes say, whatever has been summed up so far and whatever comes late.
func TestSumsSayWhatMinutesSay(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		put(t, l, rollupsOf(7*60)...)
		wide, narrow := view.Range{Since: at(-5 * 24 * 60), Until: at(24 * 60)}, view.Range{Since: at(7), Until: at(7*60 - 3)}
		exact, err := l.Overview(t.Context(), narrow, "")
		if err != nil || exact.StepSeconds != 600 {
			t.Fatalf("steps of %d, %v", exact.StepSeconds, err)
		}
		want, err := l.Overview(t.Context(), wide, "")
		if err != nil || want.Receipts != 7*60*6 || want.StepSeconds < 3600 {
			t.Fatalf("%d receipts, steps of %d, %v", want.Receipts, want.StepSeconds, err)
		}
		for _, minute := range []int{61, 130, 400, 1000} {
			later(l, at(minute))
			mustSummarise(t, l)
			got, err := l.Overview(t.Context(), wide, "")
			if diff := gocmp.Diff(want, got); err != nil || diff != "" {
				t.Fatalf("after minute %d: %v %s", minute, err, diff)
			}
			got, err = l.Overview(t.Context(), narrow, "")
			if diff := gocmp.Diff(exact, got); err != nil || diff != "" {
				t.Fatalf("after minute %d: %v %s", minute, err, diff)
			}
			stats, err := l.Stats(t.Context(), view.Range{Since: at(7), Until: at(7*60 - 3)})
			if err != nil || stats.Receipts != (7*60-3-7)*6 {
				t.Fatalf("after minute %d: %d receipts, %v", minute, stats.Receipts, err)
			}
		}
		for span, want := range map[int]int64{10: 2 * 7 * 6, 60: 2 * 7} {
			var sums int64
			if err := l.db.Model(&sumRow{}).Where("span = ?", span).Count(&sums).Error; err != nil || sums != want {
				t.Errorf("%d sums over %d minutes, %v", sums, span, err)
			}
		}
		put(t, l, rollupRow{Minute: at(3), Source: "late", Outcome: "duplicate", Reason: "window_hit", Repeat: "retry", Count: 9})
		mustSummarise(t, l)
		got, err := l.Overview(t.Context(), wide, "late")
		if err != nil || got.Receipts != 9 {
			t.Errorf("%d came late, %v", got.Receipts, err)
		}
	})
}

func TestARangeIsReadFromTheLongestSpansOnceEach(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		since, until, summed int
		step                 time.Duration
		want                 []part
	}{
		"minutes only":      {0, 60, 60, time.Minute, []part{{at(0), at(60), 0}}},
		"nothing summed":    {0, 600, -60, time.Hour, []part{{at(0), at(600), 0}}},
		"ten minutes":       {5, 47, 100, 10 * time.Minute, []part{{at(5), at(10), 0}, {at(10), at(40), sumLength}, {at(40), at(47), 0}}},
		"summed in between": {0, 100, 55, 10 * time.Minute, []part{{at(0), at(50), sumLength}, {at(50), at(100), 0}}},
		"hours": {5, 200, 150, day, []part{
			{at(5), at(10), 0}, {at(10), at(60), sumLength}, {at(60), at(120), time.Hour}, {at(120), at(150), sumLength}, {at(150), at(200), 0},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := partsOf(at(tt.since), at(tt.until), at(tt.summed), tt.step)
			if diff := gocmp.Diff(tt.want, got, gocmp.AllowUnexported(part{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStepsAreFew(t *testing.T) {
	t.Parallel()
	for span := time.Minute; span < 3000*day; span += span/7 + time.Minute {
		step := stepFor(span)
		if n := int((span + step - 1) / step); n > maxPoints || span > 2*time.Hour && n < 30 {
			t.Errorf("%v in %d steps of %v", span, n, step)
		}
	}
	for span, want := range map[time.Duration]time.Duration{
		15 * time.Minute: time.Minute, time.Hour: time.Minute, 6 * time.Hour: 5 * time.Minute, day: 20 * time.Minute,
		7 * day: 2 * time.Hour, 30 * day: 6 * time.Hour,
	} {
		if got := stepFor(span); got != want {
			t.Errorf("%v in steps of %v, want %v", span, got, want)
		}
	}
}

func TestSourceCounts(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		later(l, at(600))
		put(t, l, rollupsOf(120)...)
		put(t, l, rollupRow{Minute: at(-3000), Source: "old", Outcome: "quarantined", Reason: "not_json", Count: 5})
		for range 2 {
			_, _, got, err := l.SourceCounts(t.Context(), view.Range{Since: at(60), Until: at(120)})
			want := []SourceCounts{
				{Source: "a", Receipts: 120, LastSeenAt: at(119)},
				{Source: "b", Receipts: 240, Duplicates: 240, LastSeenAt: at(119)},
				{Source: "old", LastSeenAt: at(-3000)},
			}
			if diff := gocmp.Diff(want, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
			mustSummarise(t, l)
		}
	})
}

// repeatsOf writes an event with its run and actor, and its duplicates, as the gateway does.
func repeatsOf(t *testing.T, l *Ledger, first time.Time, run, actor string, repeats int, every time.Duration) {
	t.Helper()
	e := newEntry(first, "key of "+run, run)
	e.ActorID, e.DispatchID = actor, "d-"+run
	batch := []*dedup.Entry{e}
	for n := range repeats {
		batch = append(batch, repeat(e, time.Duration(n+1)*every))
	}
	mustRecord(t, l, batch...)
}

func TestTop(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		later(l, at(45))
		repeatsOf(t, l, at(1), "R1", "A1", 3, time.Minute)
		repeatsOf(t, l, at(2), "R2", "A1", 2, 15*time.Minute)
		repeatsOf(t, l, at(3), "R3", "A2", 1, time.Minute)
		q := view.TopQuery{Range: view.Range{Since: at(0)}, By: "run"}
		before, err := l.Top(t.Context(), q)
		if err != nil || len(before.Items) != 0 || !before.CountedUntil.Equal(at(0)) {
			t.Errorf("before it was counted: %+v, %v", before, err)
		}
		mustSummarise(t, l)
		for name, tt := range map[string]struct {
			q    view.TopQuery
			want []view.TopItem
			sum  int64
		}{
			"runs": {q, []view.TopItem{
				{Source: "apify", Kind: "run", Name: "R1", Count: 3, Share: 3.0 / 6},
				{Source: "apify", Kind: "run", Name: "R2", Count: 2, Share: 2.0 / 6},
				{Source: "apify", Kind: "run", Name: "R3", Count: 1, Share: 1.0 / 6},
			}, 6},
			"actors": {view.TopQuery{Range: q.Range, By: "actor"}, []view.TopItem{
				{Source: "apify", Name: "A1", Count: 5, Share: 5.0 / 6}, {Source: "apify", Name: "A2", Count: 1, Share: 1.0 / 6},
			}, 6},
			"dispatches, the first": {view.TopQuery{Range: q.Range, By: "dispatch", Limit: 1}, []view.TopItem{{Source: "apify", Name: "d-R1", Count: 3, Share: 3.0 / 6}}, 6},
			"of another source":     {view.TopQuery{Range: q.Range, By: "run", Source: "other"}, []view.TopItem{}, 6},
			"of a later range": {
				view.TopQuery{Range: view.Range{Since: at(31)}, By: "run"}, []view.TopItem{{Source: "apify", Kind: "run", Name: "R2", Count: 1, Share: 1}}, 1,
			},
		} {
			got, err := l.Top(t.Context(), tt.q)
			if diff := gocmp.Diff(tt.want, got.Items); err != nil || diff != "" || got.Repeats != tt.sum || got.AtLeast {
				t.Errorf("%s: %v %d repeats, %s", name, err, got.Repeats, diff)
			}
			if !got.CountedUntil.Equal(at(45)) {
				t.Errorf("%s: counted until %v", name, got.CountedUntil)
			}
		}
		repeatsOf(t, l, at(4), "R4", "A2", 9, time.Second)
		mustSummarise(t, l)
		if got, err := l.Top(t.Context(), q); err != nil || got.Items[0].Name != "R4" || got.Items[0].Count != 9 {
			t.Errorf("after more: %+v, %v", got, err)
		}
	})
}

// What was counted in slices must stay when slices become days.
func TestTopsOfDays(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		later(l, at(10))
		for n := range 4 {
			repeatsOf(t, l, at(n*11*60), fmt.Sprint("R", n), "A", n+1, time.Minute)
		}
		later(l, at(3*11*60+60))
		mustSummarise(t, l)
		q := view.TopQuery{Range: view.Range{Since: at(-60), Until: at(48 * 60)}, By: "run"}
		want, err := l.Top(t.Context(), q)
		if err != nil || len(want.Items) != 4 || want.Repeats != 10 {
			t.Fatalf("%+v, %v", want, err)
		}
		later(l, at(30*24*60))
		mustSummarise(t, l)
		mustSummarise(t, l)
		got, err := l.Top(t.Context(), q)
		if diff := gocmp.Diff(want.Items, got.Items); err != nil || diff != "" || got.Repeats != 10 {
			t.Errorf("%v %d repeats %s", err, got.Repeats, diff)
		}
		if !got.Since.Equal(got.Since.Truncate(day)) || got.Since.After(q.Since) || got.Until.Before(q.Until) {
			t.Errorf("from %v to %v", got.Since, got.Until)
		}
		var slices int64
		if err := l.db.Model(&sliceRow{}).Count(&slices).Error; err != nil || slices != 2 {
			t.Errorf("%d days, %v", slices, err)
		}
	})
}

func TestTheGreatestNamesAreKept(t *testing.T) {
	t.Parallel()
	tops := []topRow{
		{Dimension: "run", Name: "b", Count: 1}, {Dimension: "actor", Name: "x", Count: 1}, {Dimension: "run", Name: "a", Count: 5}, {Dimension: "run", Name: "c", Count: 3},
	}
	kept, more := greatest(tops, 2)
	want := []topRow{{Dimension: "actor", Name: "x", Count: 1}, {Dimension: "run", Name: "a", Count: 5}, {Dimension: "run", Name: "c", Count: 3}}
	if diff := gocmp.Diff(want, kept); diff != "" || !more {
		t.Error(more, diff)
	}
	if _, more = greatest(kept, 2); more {
		t.Error("two are not more than two")
	}
}

func TestLags(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		later(l, at(60*24*2))
		e := newEntry(at(0), "one", "R1")
		mustRecord(t, l, e)
		mustRecord(t, l, repeat(e, time.Second), repeat(e, 30*time.Hour))
		other := newEntry(at(5), "two", "")
		other.Type = "my.own"
		mustRecord(t, l, other)
		mustRecord(t, l, repeat(other, time.Minute))
		twin := repeat(other, 2*time.Millisecond)
		twin.Claim.State = dedup.ClaimPending
		mustRecord(t, l, twin)
		got, err := l.Lags(t.Context(), view.Range{Since: at(0)}, "apify")
		if err != nil {
			t.Fatal(err)
		}
		created, own := got.Lags[LagKey{"apify", "ACTOR.RUN.CREATED"}], got.Lags[LagKey{"apify", otherType}]
		if len(got.Lags) != 2 || created.Repeats() != 2 || created.Caught(time.Hour) != 1 || own.Repeats() != 2 {
			t.Errorf("%+v", got.Lags)
		}
		if created.RepeatsInFlight() != 0 || own.RepeatsInFlight() != 1 || own.Caught(time.Hour) != 1 {
			t.Errorf("in flight: %d of the one type, %d of the other", created.RepeatsInFlight(), own.RepeatsInFlight())
		}
		if created.Watched != 2*day {
			t.Errorf("watched for %v", created.Watched)
		}
		if got.Events["apify"] != 2 || !got.Since.Equal(at(0)) || !got.Until.Equal(l.now()) {
			t.Errorf("%+v", got)
		}
		if got, err = l.Lags(t.Context(), view.Range{Since: at(24 * 60)}, ""); err != nil || got.Lags[LagKey{"apify", "ACTOR.RUN.CREATED"}].Repeats() != 1 {
			t.Errorf("of the second day: %+v, %v", got.Lags, err)
		}
		young := newEntry(at(24*60+30), "three", "")
		young.Type = "TEST"
		mustRecord(t, l, young)
		mustRecord(t, l, repeat(young, time.Second))
		if got, err = l.Lags(t.Context(), view.Range{Since: at(0)}, ""); err != nil || got.Lags[LagKey{"apify", "TEST"}].Watched != 32*time.Hour {
			t.Errorf("a younger type was watched for %v since its first day began, %v", got.Lags[LagKey{"apify", "TEST"}].Watched, err)
		}
		if got, err = l.Lags(t.Context(), view.Range{}, "nobody"); err != nil || len(got.Lags) != 0 {
			t.Errorf("of nobody: %+v, %v", got, err)
		}
	})
}

func TestLateHits(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		for n, r := range []receiptRow{
			{Reason: "ledger_hit", Source: "a", Type: "TEST"},
			{Reason: "window_hit", Source: "a", Type: "TEST"},
			{Reason: "ledger_hit", Source: "b", Type: "TEST"},
			{Reason: "ledger_hit", Source: "a", Type: "mine"},
			{Reason: "ledger_hit", Source: "a", Type: "ACTOR.RUN.FAILED"},
		} {
			r.ID, r.ReceivedAt, r.Outcome = idAt(n, 1), at(n), "duplicate"
			put(t, l, r)
		}
		for name, tt := range map[string]struct {
			r    view.Range
			key  LagKey
			want []time.Time
		}{
			"all":               {view.Range{}, LagKey{}, []time.Time{at(4), at(3), at(2), at(0)}},
			"of a source":       {view.Range{}, LagKey{Source: "a"}, []time.Time{at(4), at(3), at(0)}},
			"of a type":         {view.Range{}, LagKey{"a", "TEST"}, []time.Time{at(0)}},
			"of foreign types":  {view.Range{}, LagKey{"a", otherType}, []time.Time{at(3)}},
			"of a range":        {view.Range{Since: at(1), Until: at(4)}, LagKey{Source: "a"}, []time.Time{at(3)}},
			"of what can't be":  {view.Range{}, LagKey{Source: "\x00"}, nil},
			"the latest, a few": {view.Range{}, LagKey{}, []time.Time{at(4), at(3)}},
		} {
			limit := 50
			if name == "the latest, a few" {
				limit = 2
			}
			list, err := l.LateHits(t.Context(), tt.r, tt.key, limit)
			var got []time.Time
			for _, r := range list {
				got = append(got, r.ReceivedAt)
			}
			if diff := gocmp.Diff(tt.want, got); err != nil || diff != "" || list == nil {
				t.Errorf("%s: %v %s", name, err, diff)
			}
		}
	})
}

func TestTypesWithAHistogramAreThoseTold(t *testing.T) {
	t.Parallel()
	for _, name := range apifyTypes() {
		if lagType(name) != name {
			t.Errorf("%s has no histogram", name)
		}
	}
	if len(apifyTypes()) != 12 || lagType("mine") != otherType {
		t.Error("the list of types has changed")
	}
}

func TestLatestEvents(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		mustRecord(t, l, newEntry(at(0), "one", "R1"), newEntry(at(1), "two", "R2"))
		got, err := l.LatestEvents(t.Context(), 1)
		want := []EventMark{{Key: dedup.Key{Source: "apify", Event: "two"}, Type: "ACTOR.RUN.CREATED"}}
		if diff := gocmp.Diff(want, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}

func TestAuditEntries(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		var all []string
		for n, e := range []AuditEntry{
			{Actor: "me", Action: "quarantine.replay", Target: "t1", Reason: "why", Detail: "d"},
			{Actor: "you", Action: "epoch.bump", Target: "t2"},
			{Actor: "me", Action: "epoch.bump", Target: "t1"},
		} {
			later(l, at(n))
			if err := l.Audit(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			all = append([]string{e.Actor + " " + e.Action + " " + e.Target}, all...)
		}
		for name, tt := range map[string]struct {
			q    view.AuditQuery
			want []string
		}{
			"all": {view.AuditQuery{}, all}, "by actor": {view.AuditQuery{Actor: "you"}, all[1:2]}, "by action": {view.AuditQuery{Action: "epoch.bump"}, all[:2]},
			"by target": {view.AuditQuery{Target: "t2"}, all[1:2]}, "by range": {view.AuditQuery{Range: view.Range{Since: at(1), Until: at(2)}}, all[1:2]},
			"by NUL": {view.AuditQuery{Actor: "\x00"}, nil},
		} {
			expectWalk(t, name, tt.want, func(p view.Paging) (view.Page[view.AuditEntry], error) {
				tt.q.Paging = p
				return l.AuditEntries(t.Context(), tt.q)
			}, func(e view.AuditEntry) string { return e.Actor + " " + e.Action + " " + e.Target })
		}
	})
}
