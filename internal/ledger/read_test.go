package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// readable opens a migrated ledger on each database; the same tests hold for both.
func readable(t *testing.T, test func(t *testing.T, l *Ledger)) {
	t.Helper()
	onBoth(t, func(t *testing.T, opts Options) {
		opts.Now = func() time.Time { return readTime.Add(90*time.Minute + 30*time.Second) }
		test(t, openMigrated(t, opts))
	})
}

var readTime = time.Date(2026, 9, 14, 8, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return readTime.Add(time.Duration(minutes) * time.Minute) }

// idAt is an id of a minute, the n-th of it.
func idAt(minute, n int) rowID {
	id := firstID(at(minute))
	id[6], id[8], id[15] = 0x70, 0x80, byte(n)
	return id
}

func put[T any](t *testing.T, l *Ledger, rows ...T) {
	t.Helper()
	if err := l.db.WithContext(t.Context()).Create(&rows).Error; err != nil {
		t.Fatal(err)
	}
}

// walk reads a listing page by page and gives what stands for each entry.
func walk[T any](t *testing.T, limit int, read func(view.Paging) (view.Page[T], error), name func(T) string) []string {
	t.Helper()
	var got []string
	p := view.Paging{Limit: limit}
	for range 1000 {
		page, err := read(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) > limit || page.Items == nil {
			t.Fatalf("a page of %d entries (%v), asked for %d", len(page.Items), page.Items == nil, limit)
		}
		for _, v := range page.Items {
			got = append(got, name(v))
		}
		if page.Next == "" {
			return got
		}
		p.Cursor = page.Next
	}
	t.Fatal("the listing never ends")
	return nil
}

// expectWalk walks with pages of several sizes.
func expectWalk[T any](t *testing.T, what string, want []string, read func(view.Paging) (view.Page[T], error), name func(T) string) {
	t.Helper()
	for _, limit := range []int{1, 2, 7, view.MaxLimit} {
		if diff := gocmp.Diff(want, walk(t, limit, read, name)); diff != "" {
			t.Errorf("%s, pages of %d: (-want +got)\n%s", what, limit, diff)
		}
	}
}

func readableRuns() []runRow {
	var rows []runRow
	for i := range 12 {
		for _, kind := range []string{"run", "build"} {
			for _, source := range []string{"apify", "apify-2"} {
				rows = append(rows, runRow{
					RunID: fmt.Sprint("R", i%4), Kind: kind, Source: source + fmt.Sprint(i/4), Status: []string{"CREATED", "FAILED"}[i%2],
					ActorID: fmt.Sprint("a", i%3), TaskID: fmt.Sprint("t", i%5), FirstSeenAt: at(i / 3), UpdatedAt: at(50 - i), Events: int64(i),
					Version: dedup.Version{Life: uint32(i), At: 1}.Encode(),
				})
			}
		}
	}
	return rows
}

func TestRuns(t *testing.T) {
	t.Parallel()
	rows := readableRuns()
	readable(t, func(t *testing.T, l *Ledger) {
		put(t, l, rows...)
		for what, tt := range map[string]struct {
			q    view.RunQuery
			keep func(runRow) bool
		}{
			"all":        {view.RunQuery{}, func(runRow) bool { return true }},
			"by source":  {view.RunQuery{Source: "apify1"}, func(r runRow) bool { return r.Source == "apify1" }},
			"by kind":    {view.RunQuery{Kind: "build"}, func(r runRow) bool { return r.Kind == "build" }},
			"by id":      {view.RunQuery{RunID: "R2"}, func(r runRow) bool { return r.RunID == "R2" }},
			"by status":  {view.RunQuery{Status: "FAILED"}, func(r runRow) bool { return r.Status == "FAILED" }},
			"by actor":   {view.RunQuery{ActorID: "a1"}, func(r runRow) bool { return r.ActorID == "a1" }},
			"by task":    {view.RunQuery{TaskID: "t4"}, func(r runRow) bool { return r.TaskID == "t4" }},
			"by range":   {view.RunQuery{Range: view.Range{Since: at(1), Until: at(3)}}, func(r runRow) bool { return !r.FirstSeenAt.Before(at(1)) && r.FirstSeenAt.Before(at(3)) }},
			"by several": {view.RunQuery{Kind: "run", Status: "CREATED", Range: view.Range{Since: at(1)}}, func(r runRow) bool { return r.Kind == "run" && r.Status == "CREATED" && !r.FirstSeenAt.Before(at(1)) }},
			"none":       {view.RunQuery{Source: "nobody"}, func(runRow) bool { return false }},
			"by NUL":     {view.RunQuery{Source: "a\x00"}, func(runRow) bool { return false }},
		} {
			want := runNames(rows, tt.keep)
			expectWalk(t, what, want, func(p view.Paging) (view.Page[view.Run], error) {
				tt.q.Paging = p
				return l.Runs(t.Context(), tt.q)
			}, func(v view.Run) string { return v.RunID + " " + v.Kind + " " + v.Source })
		}
		page, err := l.Runs(t.Context(), view.RunQuery{RunID: "R3", Kind: "run", Source: "apify2"})
		want := []view.Run{{
			Source: "apify2", Kind: "run", RunID: "R3", Status: "FAILED", ActorID: "a2", TaskID: "t1", Life: 11,
			FirstSeenAt: at(3), UpdatedAt: at(39), Events: 11,
		}}
		if diff := gocmp.Diff(want, page.Items); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}

// runNames gives the kept rows in the order of the listing, worked out here once more.
func runNames(rows []runRow, keep func(runRow) bool) []string {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r runRow) bool { return !keep(r) })
	slices.SortFunc(rows, func(a, b runRow) int {
		return cmp.Or(b.FirstSeenAt.Compare(a.FirstSeenAt), cmp.Compare(b.RunID, a.RunID), cmp.Compare(b.Kind, a.Kind), cmp.Compare(b.Source, a.Source))
	})
	var names []string
	for _, r := range rows {
		names = append(names, r.RunID+" "+r.Kind+" "+r.Source)
	}
	return names
}

func readableEvents() []eventRow {
	var rows []eventRow
	for i := range 24 {
		run := fmt.Sprint("R", i%5)
		kind, tag := "run", "r"
		if i%6 == 0 {
			kind, tag = "build", "b"
		}
		e := eventRow{
			ID: idAt(i/3, i%3), Source: fmt.Sprint("apify", i%2), EventKey: dedup.Compose(tag, run, fmt.Sprint(i), "S"),
			Type: []string{"ACTOR.RUN.SUCCEEDED", "ACTOR.RUN.CREATED"}[i%2], Kind: kind, RunID: run, DispatchID: fmt.Sprint("d", i%7),
			Outcome: "new", Hits: int64(i), FirstReceiptID: idAt(i/3, 100+i), ReceivedAt: at(i / 3), Version: []byte{}, Headers: `{"A": "b"}`, Body: []byte("body"), BodyBytes: 4,
		}
		if i == 7 {
			e.Body, e.EventKey, e.Type, e.Outcome = nil, "t:d0", "TEST", "test" // purged, and no event of its run
		}
		rows = append(rows, e)
	}
	return rows
}

func TestEvents(t *testing.T) {
	t.Parallel()
	rows := readableEvents()
	readable(t, func(t *testing.T, l *Ledger) {
		put(t, l, rows...)
		for what, tt := range map[string]struct {
			q    view.EventQuery
			keep func(eventRow) bool
		}{
			"all":         {view.EventQuery{}, func(eventRow) bool { return true }},
			"by source":   {view.EventQuery{Source: "apify1"}, func(e eventRow) bool { return e.Source == "apify1" }},
			"by type":     {view.EventQuery{Type: "ACTOR.RUN.CREATED"}, func(e eventRow) bool { return e.Type == "ACTOR.RUN.CREATED" }},
			"by kind":     {view.EventQuery{Kind: "build"}, func(e eventRow) bool { return e.Kind == "build" }},
			"by run":      {view.EventQuery{RunID: "R2"}, func(e eventRow) bool { return e.RunID == "R2" && e.Type != "TEST" }},
			"by dispatch": {view.EventQuery{DispatchID: "d3"}, func(e eventRow) bool { return e.DispatchID == "d3" }},
			"by range":    {view.EventQuery{Range: view.Range{Since: at(2), Until: at(5)}}, func(e eventRow) bool { return !e.ReceivedAt.Before(at(2)) && e.ReceivedAt.Before(at(5)) }},
			"by a range within a millisecond": {view.EventQuery{Range: view.Range{Since: at(2).Add(time.Microsecond), Until: at(5).Add(time.Microsecond)}}, func(e eventRow) bool {
				return e.ReceivedAt.After(at(2)) && !e.ReceivedAt.After(at(5))
			}},
			"of all time": {view.EventQuery{Range: view.Range{Since: time.Unix(-1, 0)}}, func(eventRow) bool { return true }},
			"by NUL":      {view.EventQuery{DispatchID: "\x00"}, func(eventRow) bool { return false }},
			"by no UTF-8": {view.EventQuery{Type: "\xff"}, func(eventRow) bool { return false }},
		} {
			var want []string
			for _, e := range slices.Backward(rows) {
				if tt.keep(e) {
					want = append(want, e.ID.String())
				}
			}
			expectWalk(t, what, want, func(p view.Paging) (view.Page[view.Event], error) {
				tt.q.Paging = p
				return l.Events(t.Context(), tt.q)
			}, func(v view.Event) string { return v.ID })
		}
	})
}

func TestAnEvent(t *testing.T) {
	t.Parallel()
	occurred := at(-1)
	row := eventRow{
		ID: idAt(0, 1), Source: "apify", EventKey: "r:R:1:S", Type: "T", Kind: "run", RunID: "R", ActorID: "a", TaskID: "t", Generation: "g",
		DispatchID: "d", Seq: 3, Version: []byte{}, Outcome: "late", Hits: 2, FirstReceiptID: idAt(0, 9), ReceivedAt: at(0).Add(7 * time.Millisecond),
		OccurredAt: &occurred, ContentType: "application/json", Headers: `{"X":"y"}`, BodyBytes: 5, Body: []byte("\x00\xff{}\n"),
	}
	empty := eventRow{ID: idAt(0, 2), EventKey: "k", Source: "s", FirstReceiptID: idAt(0, 9), ReceivedAt: at(0), Version: []byte{}, Body: []byte{}, Headers: "not JSON"}
	gone := eventRow{ID: idAt(0, 3), EventKey: "l", Source: "s", FirstReceiptID: idAt(0, 9), ReceivedAt: at(0), Version: []byte{}, BodyBytes: 77}
	readable(t, func(t *testing.T, l *Ledger) {
		put(t, l, row, empty, gone)
		got, err := l.Event(t.Context(), row.ID.String())
		want := view.Event{
			ID: row.ID.String(), Source: "apify", Key: "r:R:1:S", Type: "T", Kind: "run", RunID: "R", ActorID: "a", TaskID: "t", Generation: "g",
			DispatchID: "d", Seq: 3, Outcome: "late", Hits: 2, FirstReceiptID: idAt(0, 9).String(), ReceivedAt: row.ReceivedAt,
			OccurredAt: &occurred, ContentType: "application/json", Headers: []byte(`{"X":"y"}`), BodyBytes: 5,
		}
		if diff := gocmp.Diff(want, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if got.ReceivedAt.Location() != time.UTC || got.OccurredAt.Location() != time.UTC {
			t.Error("times are not UTC")
		}
		expectBody(t, l.EventBody, row.ID.String(), view.Body{ContentType: "application/json", Bytes: row.Body})
		expectBody(t, l.EventBody, empty.ID.String(), view.Body{Bytes: []byte{}})
		if v, err := l.Event(t.Context(), empty.ID.String()); err != nil || v.Headers != nil || v.BodyPurged {
			t.Errorf("%+v, %v", v, err)
		}
		if v, err := l.Event(t.Context(), gone.ID.String()); err != nil || !v.BodyPurged || v.BodyBytes != 77 {
			t.Errorf("%+v, %v", v, err)
		}
		for _, id := range []string{gone.ID.String(), idAt(1, 1).String(), "no id", ""} {
			if _, err := l.EventBody(t.Context(), id); !errors.Is(err, view.ErrNotFound) {
				t.Errorf("body of %q: %v", id, err)
			}
			if _, err := l.Event(t.Context(), id); id != gone.ID.String() && !errors.Is(err, view.ErrNotFound) {
				t.Errorf("event %q: %v", id, err)
			}
		}
	})
}

func expectBody(t *testing.T, read func(context.Context, string) (view.Body, error), id string, want view.Body) {
	t.Helper()
	got, err := read(t.Context(), id)
	if diff := gocmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func readableReceipts() []receiptRow {
	var rows []receiptRow
	for i := range 30 {
		event := idAt(0, i%4)
		rows = append(rows, receiptRow{
			ReceivedAt: at(i / 5), ID: idAt(i/5, 30-i), Source: fmt.Sprint("apify", i%2), Outcome: []string{"new", "duplicate"}[i%2],
			Reason: []string{"first_seen", "window_hit", "ledger_hit"}[i%3], Repeat: []string{"", "retry", "twin"}[i%3], EventID: &event, Via: "webhook",
		})
	}
	return rows
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	rows := readableReceipts()
	ordered := slices.Clone(rows)
	slices.SortFunc(ordered, func(a, b receiptRow) int {
		return cmp.Or(b.ReceivedAt.Compare(a.ReceivedAt), cmp.Compare(b.ID.String(), a.ID.String()))
	})
	readable(t, func(t *testing.T, l *Ledger) {
		put(t, l, rows...)
		for what, tt := range map[string]struct {
			q    view.ReceiptQuery
			keep func(receiptRow) bool
		}{
			"all":        {view.ReceiptQuery{}, func(receiptRow) bool { return true }},
			"by source":  {view.ReceiptQuery{Source: "apify1"}, func(r receiptRow) bool { return r.Source == "apify1" }},
			"by outcome": {view.ReceiptQuery{Outcome: "duplicate"}, func(r receiptRow) bool { return r.Outcome == "duplicate" }},
			"by reason":  {view.ReceiptQuery{Reason: "ledger_hit"}, func(r receiptRow) bool { return r.Reason == "ledger_hit" }},
			"by repeat":  {view.ReceiptQuery{Repeat: "twin"}, func(r receiptRow) bool { return r.Repeat == "twin" }},
			"by event":   {view.ReceiptQuery{EventID: idAt(0, 2).String()}, func(r receiptRow) bool { return *r.EventID == idAt(0, 2) }},
			"by no id":   {view.ReceiptQuery{EventID: "none"}, func(receiptRow) bool { return false }},
			"by NUL":     {view.ReceiptQuery{Reason: "\x00"}, func(receiptRow) bool { return false }},
			"by range":   {view.ReceiptQuery{Range: view.Range{Since: at(1), Until: at(4)}}, func(r receiptRow) bool { return !r.ReceivedAt.Before(at(1)) && r.ReceivedAt.Before(at(4)) }},
		} {
			var want []string
			for _, r := range ordered {
				if tt.keep(r) {
					want = append(want, r.ID.String())
				}
			}
			expectWalk(t, what, want, func(p view.Paging) (view.Page[view.Receipt], error) {
				tt.q.Paging = p
				return l.Receipts(t.Context(), tt.q)
			}, func(v view.Receipt) string { return v.ID })
		}
	})
}

func TestAReceipt(t *testing.T) {
	t.Parallel()
	event, aside, lag := idAt(0, 1), idAt(0, 2), int64(1500)
	rows := []receiptRow{
		{
			ReceivedAt: at(1).Add(3 * time.Millisecond), ID: idAt(1, 1), Source: "apify", Outcome: "duplicate", Reason: "window_hit", Repeat: "retry",
			EventID: &event, Type: "T", DispatchID: "d", LagMillis: &lag, Degraded: true, RemoteIP: "::1", Via: "webhook",
		},
		{ReceivedAt: at(0), ID: idAt(0, 1), Source: "apify", Outcome: "quarantined", Reason: "not_json", QuarantineID: &aside, Via: "webhook"},
	}
	want := []view.Receipt{
		{
			ID: idAt(1, 1).String(), ReceivedAt: at(1).Add(3 * time.Millisecond), Source: "apify", Outcome: "duplicate", Reason: "window_hit",
			Repeat: "retry", EventID: event.String(), Type: "T", DispatchID: "d", LagMillis: &lag, Degraded: true, RemoteIP: "::1", Via: "webhook",
		},
		{ID: idAt(0, 1).String(), ReceivedAt: at(0), Source: "apify", Outcome: "quarantined", Reason: "not_json", QuarantineID: aside.String(), Via: "webhook"},
	}
	readable(t, func(t *testing.T, l *Ledger) {
		put(t, l, rows...)
		page, err := l.Receipts(t.Context(), view.ReceiptQuery{})
		if diff := gocmp.Diff(want, page.Items); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	run := func(id, kind, source string) runRow {
		return runRow{RunID: id, Kind: kind, Source: source, Status: "SUCCEEDED", Version: []byte{}, FirstSeenAt: at(0), UpdatedAt: at(0)}
	}
	event := func(n int, key, source string) eventRow {
		return eventRow{ID: idAt(0, n), EventKey: key, Source: source, RunID: "R", FirstReceiptID: idAt(0, n), ReceivedAt: at(0), Version: []byte{}, Headers: "{}", Body: []byte{}}
	}
	receipt := func(minute, event int) receiptRow {
		id := idAt(0, event)
		return receiptRow{ReceivedAt: at(minute), ID: idAt(minute, event), EventID: &id}
	}
	runs := []runRow{run("R", "run", "one"), run("R", "run", "two"), run("R", "build", "one"), run("R1", "run", "one"), run("long", "run", "one")}
	events := []eventRow{
		event(5, "r:R:1:C", "one"), event(2, "r:R:2:S", "one"), event(3, "r:R:2:S", "two"), event(4, "b:R:2:S", "one"),
		event(6, "r:R1:2:S", "one"), event(7, "r:R-:2:S", "one"), event(8, "t:d", "one"), event(9, "r:R", "one"),
	}
	receipts := []receiptRow{receipt(9, 5), receipt(1, 2), receipt(0, 5), receipt(2, 2), receipt(3, 3), receipt(3, 8), receipt(1, 5)}
	for i := range maxTimelineReceipts + 5 {
		e := event(0, fmt.Sprintf("r:long:%06d:S", i), "one")
		e.ID = idAt(1, i%256)
		e.ID[14] = byte(1 + i/256)
		events = append(events, e)
		receipts = append(receipts, receiptRow{ReceivedAt: at(1), ID: e.ID, EventID: &e.ID})
	}
	readable(t, func(t *testing.T, l *Ledger) {
		put(t, l, runs...)
		put(t, l, events...)
		put(t, l, receipts...)
		got, err := l.Timeline(t.Context(), "one", "run", "R")
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff([]string{idAt(0, 2).String(), idAt(0, 5).String()}, namesOf(got.Events, func(e view.Event) string { return e.ID })); diff != "" {
			t.Error("events:", diff)
		}
		wantReceipts := []string{idAt(0, 5).String(), idAt(1, 2).String(), idAt(1, 5).String(), idAt(2, 2).String(), idAt(9, 5).String()}
		if diff := gocmp.Diff(wantReceipts, namesOf(got.Receipts, func(r view.Receipt) string { return r.ID })); diff != "" {
			t.Error("receipts:", diff)
		}
		if got.Run.RunID != "R" || got.Run.Source != "one" || got.Run.Kind != "run" || got.EventsCut || got.ReceiptsCut {
			t.Errorf("%+v", got)
		}
		long, err := l.Timeline(t.Context(), "", "", "long")
		if err != nil || len(long.Events) != maxTimelineEvents || len(long.Receipts) != maxTimelineReceipts || !long.EventsCut || !long.ReceiptsCut {
			t.Errorf("%d events, %d receipts, %v", len(long.Events), len(long.Receipts), err)
		}
		for _, tt := range []struct {
			source, kind, id string
			want             error
		}{
			{"", "", "R", view.ErrAmbiguous},
			{"one", "", "R", view.ErrAmbiguous},
			{"", "run", "R", view.ErrAmbiguous},
			{"", "build", "R", nil},
			{"two", "", "R", nil},
			{"", "", "R1", nil},
			{"two", "build", "R", view.ErrNotFound},
			{"", "", "R2", view.ErrNotFound},
			{"", "", "", view.ErrNotFound},
			{"", "", "R\x00", view.ErrNotFound},
		} {
			if _, err := l.Timeline(t.Context(), tt.source, tt.kind, tt.id); !errors.Is(err, tt.want) {
				t.Errorf("%q %q %q: %v, want %v", tt.source, tt.kind, tt.id, err, tt.want)
			}
		}
	})
}

func namesOf[T any](list []T, name func(T) string) []string {
	var names []string
	for _, v := range list {
		names = append(names, name(v))
	}
	return names
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	var rows []quarantineRow
	for i := range 12 {
		q := quarantineRow{
			ID: idAt(i/2, i%2), Source: fmt.Sprint("apify", i%2), Reason: []string{"not_json", "no_identity", "too_large"}[i%3], BodyHash: []byte{byte(i)},
			Message: "why", DispatchID: "d", ContentType: "text/plain", Headers: "{}", BodyBytes: -1, Truncated: true, Body: []byte{0, byte(i)}, Hits: 3,
			FirstReceiptID: idAt(i/2, i), FirstSeenAt: at(i / 2), LastSeenAt: at(30 - i),
		}
		if i%4 == 0 {
			when, event := at(40), idAt(40, 1)
			q.ReplayedAt, q.ReplayEventID = &when, &event
		}
		rows = append(rows, q)
	}
	yes, no := true, false
	readable(t, func(t *testing.T, l *Ledger) {
		put(t, l, rows...)
		for what, tt := range map[string]struct {
			q    view.QuarantineQuery
			keep func(quarantineRow) bool
		}{
			"all":          {view.QuarantineQuery{}, func(quarantineRow) bool { return true }},
			"by source":    {view.QuarantineQuery{Source: "apify1"}, func(q quarantineRow) bool { return q.Source == "apify1" }},
			"by reason":    {view.QuarantineQuery{Reason: "too_large"}, func(q quarantineRow) bool { return q.Reason == "too_large" }},
			"replayed":     {view.QuarantineQuery{Replayed: &yes}, func(q quarantineRow) bool { return q.ReplayedAt != nil }},
			"not replayed": {view.QuarantineQuery{Replayed: &no}, func(q quarantineRow) bool { return q.ReplayedAt == nil }},
			"by range":     {view.QuarantineQuery{Range: view.Range{Since: at(1), Until: at(4)}}, func(q quarantineRow) bool { return !q.FirstSeenAt.Before(at(1)) && q.FirstSeenAt.Before(at(4)) }},
			"by NUL":       {view.QuarantineQuery{Source: "\x00"}, func(quarantineRow) bool { return false }},
		} {
			var want []string
			for _, q := range slices.Backward(rows) {
				if tt.keep(q) {
					want = append(want, q.ID.String())
				}
			}
			expectWalk(t, what, want, func(p view.Paging) (view.Page[view.Quarantined], error) {
				tt.q.Paging = p
				return l.Quarantine(t.Context(), tt.q)
			}, func(v view.Quarantined) string { return v.ID })
		}
		when := at(40)
		want := view.Quarantined{
			ID: rows[4].ID.String(), Source: "apify0", Reason: "no_identity", Message: "why", FirstSeenAt: at(2), LastSeenAt: at(26), Hits: 3,
			DispatchID: "d", ContentType: "text/plain", Headers: []byte("{}"), BodyBytes: -1, Truncated: true,
			ReplayedAt: &when, ReplayEvent: idAt(40, 1).String(),
		}
		got, err := l.Quarantined(t.Context(), rows[4].ID.String())
		if diff := gocmp.Diff(want, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
		expectBody(t, l.QuarantineBody, rows[4].ID.String(), view.Body{ContentType: "text/plain", Bytes: []byte{0, 4}})
		for _, id := range []string{idAt(9, 9).String(), "x"} {
			if _, err := l.Quarantined(t.Context(), id); !errors.Is(err, view.ErrNotFound) {
				t.Error(err)
			}
			if _, err := l.QuarantineBody(t.Context(), id); !errors.Is(err, view.ErrNotFound) {
				t.Error(err)
			}
		}
	})
}

func TestMarkReplayed(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		put(t, l, quarantineRow{
			ID: idAt(0, 1), BodyHash: []byte{1}, Body: []byte{}, FirstReceiptID: idAt(0, 1), FirstSeenAt: at(0), LastSeenAt: at(0), Headers: "{}", Hits: 1,
		})
		id, first, second := idAt(0, 1).String(), idAt(1, 1).String(), idAt(1, 2).String()
		for _, event := range []string{first, second} {
			if err := l.MarkReplayed(t.Context(), id, event, "cli:me", "mended\x00 \xff"); err != nil {
				t.Fatal(err)
			}
		}
		got, err := l.Quarantined(t.Context(), id)
		if err != nil || got.ReplayEvent != first || got.ReplayedAt == nil || !got.ReplayedAt.Equal(l.now()) {
			t.Errorf("%+v, %v", got, err)
		}
		var audit []auditRow
		if err := l.db.Order("detail").Find(&audit).Error; err != nil || len(audit) != 2 {
			t.Fatal(audit, err)
		}
		for i, event := range []string{first, second} {
			a := audit[i]
			if a.Actor != "cli:me" || a.Action != "quarantine.replay" || a.Target != id || a.Reason != "mended\uFFFD \uFFFD" || a.Detail != "event "+event || !a.At.Equal(l.now()) {
				t.Errorf("%+v", a)
			}
		}
		for _, missing := range []string{idAt(5, 5).String(), "x"} {
			if err := l.MarkReplayed(t.Context(), missing, first, "a", "r"); !errors.Is(err, view.ErrNotFound) {
				t.Error(err)
			}
		}
		var count int64
		if err := l.db.Model(&auditRow{}).Count(&count).Error; err != nil || count != 2 {
			t.Errorf("%d audit entries, %v: one is of nothing", count, err)
		}
	})
}

func TestStats(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		empty, err := l.Stats(t.Context(), view.Range{})
		if err != nil || empty.Receipts != 0 || len(empty.Counts) != 0 || !empty.Since.Equal(empty.Until) {
			t.Errorf("%+v, %v", empty, err)
		}
		var rows []rollupRow
		for minute := range 60 {
			for shard := range 3 {
				rows = append(rows,
					rollupRow{Minute: at(minute), Source: "b", Outcome: "new", Reason: "first_seen", Shard: shard, Count: 1},
					rollupRow{Minute: at(minute), Source: "B", Outcome: "duplicate", Reason: "window_hit", Repeat: "retry", Shard: shard, Count: 10},
					rollupRow{Minute: at(minute), Source: "B", Outcome: "duplicate", Reason: "window_hit", Repeat: "twin", Shard: shard, Count: 100})
			}
		}
		put(t, l, rows...)
		for what, tt := range map[string]struct {
			r            view.Range
			since, until time.Time
			minutes      int64
		}{
			"all":                     {view.Range{}, at(0), at(91), 60},
			"a range":                 {view.Range{Since: at(10), Until: at(20)}, at(10), at(20), 10},
			"a range of part minutes": {view.Range{Since: at(10).Add(time.Second), Until: at(20).Add(time.Second)}, at(10), at(21), 11},
			"an open start":           {view.Range{Until: at(5)}, at(0), at(5), 5},
			"an open end":             {view.Range{Since: at(55)}, at(55), at(91), 5},
			"another zone":            {view.Range{Since: at(10).In(time.FixedZone("", 3600)), Until: at(20)}, at(10), at(20), 10},
		} {
			got, err := l.Stats(t.Context(), tt.r)
			want := view.Stats{Since: tt.since, Until: tt.until, Receipts: 333 * tt.minutes, Counts: []view.Count{
				{Source: "B", Outcome: "duplicate", Reason: "window_hit", Count: 330 * tt.minutes},
				{Source: "b", Outcome: "new", Reason: "first_seen", Count: 3 * tt.minutes},
			}}
			if diff := gocmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v %s", what, err, diff)
			}
		}
	})
}

func TestBadCursors(t *testing.T) {
	t.Parallel()
	runs := view.Cursor{At: at(0), Tie: "R\x00run\x00apify"}.Encode()
	ids := view.Cursor{At: at(0), Tie: idAt(0, 1).String()}.Encode()
	readable(t, func(t *testing.T, l *Ledger) {
		ctx := t.Context()
		for what, err := range map[string]error{
			"runs, garbage":          second(l.Runs(ctx, view.RunQuery{Paging: view.Paging{Cursor: "!"}})),
			"runs, of events":        second(l.Runs(ctx, view.RunQuery{Paging: view.Paging{Cursor: ids}})),
			"runs, no UTF-8":         second(l.Runs(ctx, view.RunQuery{Paging: view.Paging{Cursor: view.Cursor{Tie: "\xff\x00\x00"}.Encode()}})),
			"events, of runs":        second(l.Events(ctx, view.EventQuery{Paging: view.Paging{Cursor: runs}})),
			"receipts, of runs":      second(l.Receipts(ctx, view.ReceiptQuery{Paging: view.Paging{Cursor: runs}})),
			"receipts, garbage":      second(l.Receipts(ctx, view.ReceiptQuery{Paging: view.Paging{Cursor: "AA"}})),
			"quarantine, of runs":    second(l.Quarantine(ctx, view.QuarantineQuery{Paging: view.Paging{Cursor: runs}})),
			"quarantine, of nothing": second(l.Quarantine(ctx, view.QuarantineQuery{Paging: view.Paging{Cursor: view.Cursor{}.Encode()}})),
		} {
			if !errors.Is(err, view.ErrBadCursor) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := l.Runs(ctx, view.RunQuery{Paging: view.Paging{Cursor: runs}}); err != nil {
			t.Error(err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestReadsOfAClosedLedgerAreUnavailable(t *testing.T) {
	t.Parallel()
	readable(t, func(t *testing.T, l *Ledger) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		id := idAt(0, 1).String()
		for what, err := range map[string]error{
			"runs": second(l.Runs(ctx, view.RunQuery{})), "timeline": second(l.Timeline(ctx, "", "", "R")), "events": second(l.Events(ctx, view.EventQuery{})),
			"event": second(l.Event(ctx, id)), "body": second(l.EventBody(ctx, id)), "receipts": second(l.Receipts(ctx, view.ReceiptQuery{})),
			"quarantine": second(l.Quarantine(ctx, view.QuarantineQuery{})), "quarantined": second(l.Quarantined(ctx, id)),
			"quarantine body": second(l.QuarantineBody(ctx, id)), "stats": second(l.Stats(ctx, view.Range{})), "mark": l.MarkReplayed(ctx, id, id, "", ""),
			"audit": l.Audit(ctx, AuditEntry{}),
		} {
			if !errors.Is(err, dedup.ErrUnavailable) || !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", what, err)
			}
			if err != nil && strings.Contains(err.Error(), id) {
				t.Errorf("%s: %v shows a value", what, err)
			}
		}
	})
}
