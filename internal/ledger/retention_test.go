package ledger

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// aged is a ledger that was migrated long ago, and the clock that it reads.
func aged(t *testing.T, opts Options, daysAgo int) (l *Ledger, clock *time.Time, start time.Time) {
	t.Helper()
	start = time.Now().UTC().Truncate(day).Add(-time.Duration(daysAgo)*day + time.Hour)
	now := start
	opts.Now = func() time.Time { return now }
	l = openMigrated(t, opts)
	return l, &now, start
}

func TestRetention(t *testing.T) {
	t.Parallel()
	onBoth(t, retention)
}

func retention(t *testing.T, opts Options) {
	l, clock, start := aged(t, opts, 100)
	keep := Retention{Receipts: 10 * day, Bodies: 20 * day, Keys: 30 * day, Quarantine: 5 * day}

	old, lived := newEntry(start, "old", "old run"), newEntry(start, "lived", "living run")
	bad := newEntry(start, "", "")
	bad.Quarantine = &dedup.Quarantine{Reason: dedup.ReasonNotJSON, Message: "no"}
	batch := []*dedup.Entry{old, lived, bad}
	for n := range retentionChunk + 10 { // more than a chunk, all in one millisecond
		batch = append(batch, newEntry(start, fmt.Sprint("many", n), ""))
	}
	verdicts := mustRecord(t, l, batch...)
	b := books{t, l.db}
	count := func(table string) (n int64) {
		t.Helper()
		if err := l.db.Table(table).Count(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	withBody := func() (n int64) {
		t.Helper()
		if err := l.db.Table("events").Where("body IS NOT NULL").Count(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	later := func(days int) {
		t.Helper()
		*clock = start.Add(time.Duration(days) * day)
		if err := l.maintain(t.Context(), keep); err != nil {
			t.Fatal(err)
		}
	}
	all := int64(len(batch))
	hit := dedup.Hit{ReceiptID: dedup.NewID(start), ReceivedAt: start, Source: "apify", EventID: verdicts[0].EventID}
	if err := l.RecordHits(t.Context(), []dedup.Hit{hit}); err != nil || count("window_hits") != 1 {
		t.Errorf("%d counts of hits, error %v", count("window_hits"), err)
	}

	later(4)
	if count("receipts") != all+1 || count("window_hits") != 1 || withBody() != all-1 || count("quarantine") != 1 {
		t.Fatal("something was deleted too early")
	}
	later(6)
	if _, ok := b.Quarantined(verdicts[2].QuarantineID); ok {
		t.Error("the quarantined request is still there")
	}
	later(12)
	if n := count("receipts"); n != 0 || withBody() != all-1 {
		t.Errorf("%d receipts and %d bodies are left", n, withBody())
	}
	mustRecord(t, l, newEntry(*clock, "lived again", "living run"))
	later(21)
	if withBody() != 1 || count("events") != all {
		t.Errorf("%d bodies of %d events are left", withBody(), count("events"))
	}
	if v := mustRecord(t, l, repeat(old, time.Hour)); v[0].Outcome != dedup.OutcomeDuplicate {
		t.Errorf("an event without its body is no longer known: %+v", v[0])
	}
	later(31)
	if n := count("events"); n != 1 {
		t.Errorf("%d events are left, want the living run's", n)
	}
	if _, ok := b.Run("apify", old.Run); ok {
		t.Error("a run without events is still there")
	}
	if r, ok := b.Run("apify", lived.Run); !ok || r.Events != 2 {
		t.Errorf("the living run: %t, %+v", ok, r)
	}
	if len(b.Tallies("apify")) != 1 || len(b.Lags("apify")) != 0 {
		t.Errorf("counters left: %v, %v", b.Tallies("apify"), b.Lags("apify"))
	}
	later(60)
	if count("events")+count("runs")+count("receipts")+count("rollups")+count("window_hits") != 0 {
		t.Error("something is kept for ever")
	}
	*clock = start.Add(1000 * day)
	mustRecord(t, l, newEntry(start, "ancient", "ancient"))
	if err := l.maintain(t.Context(), Retention{}); err != nil || count("events") != 1 {
		t.Errorf("retention of 0 must keep: %d events, error %v", count("events"), err)
	}
}

func TestPartitionsAreMadeAhead(t *testing.T) {
	t.Parallel()
	dsn := testkit.Postgres(t)
	l, clock, start := aged(t, Options{URL: dsn}, 0)
	rows := func() int64 {
		t.Helper()
		n, err := l.DefaultPartitionRows(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var batch []*dedup.Entry
	for n := range daysAhead + 1 {
		batch = append(batch, newEntry(start.Add(time.Duration(n)*day), fmt.Sprint(n), ""))
	}
	mustRecord(t, l, batch...)
	if rows() != 0 {
		t.Fatalf("%d receipts of the coming days have no partition", rows())
	}
	later := newEntry(start.Add(9*day), "later", "")
	mustRecord(t, l, later)
	if rows() != 1 {
		t.Fatalf("%d rows in the default partition, want 1", rows())
	}
	*clock = start.Add(8 * day) // that partition can't be made any more, all others can
	if err := l.maintain(t.Context(), Retention{}); err == nil {
		t.Error("nobody is told that a partition can't be made")
	}
	facts, err := Inspect(t.Context(), Options{URL: dsn, Now: l.now})
	if err != nil || facts.MissingPartitions != 1 || facts.DefaultPartitionRows != 1 {
		t.Errorf("facts %+v, error %v", facts, err)
	}
	if v := mustRecord(t, l, later); v[0].Outcome != dedup.OutcomeNew {
		t.Errorf("a receipt in the default partition is not found again: %+v", v[0])
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := testkit.StartPostgres(t, "fsync = off", "synchronous_commit = off")
		opts := Options{URL: server.Database()}
		before, err := Inspect(t.Context(), opts)
		if err != nil || len(before.Pending) == 0 {
			t.Fatalf("before: %+v, error %v", before, err)
		}
		if _, err = Migrate(t.Context(), opts); err != nil {
			t.Fatal(err)
		}
		after, err := Inspect(t.Context(), opts)
		if err != nil || len(after.Pending) != 0 || after.Durable() || after.TooOld || !after.TakesWrites || after.MissingPartitions != 0 || after.Version == "" {
			t.Errorf("after: %+v, error %v", after, err)
		}
		expectQuietLog(t, server)
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		opts := Options{Path: filepath.Join(t.TempDir(), "ledger.db")}
		before, err := Inspect(t.Context(), opts)
		if err != nil || len(before.Pending) == 0 || isFile(opts.Path) {
			t.Fatalf("before: %+v, error %v, file made: %t", before, err, isFile(opts.Path))
		}
		if _, err = Migrate(t.Context(), opts); err != nil {
			t.Fatal(err)
		}
		after, err := Inspect(t.Context(), opts)
		if err != nil || len(after.Pending) != 0 || !after.Durable() || !after.TakesWrites {
			t.Errorf("after: %+v, error %v", after, err)
		}
	})
}

func TestRunKeepsWorkingUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	l, _, start := aged(t, Options{URL: testkit.Postgres(t)}, 40)
	mustRecord(t, l, newEntry(start, "old", "old"))
	l.now = time.Now
	background(t, func() { l.Run(t.Context(), func() Retention { return Retention{Receipts: 10 * day, Keys: 20 * day} }) })
	testkit.Eventually(t, 20*time.Second, func() error {
		if ev, ok := (books{t, l.db}).Event(dedup.Key{Source: "apify", Event: "old"}); ok {
			return fmt.Errorf("event %v is still kept", ev.ID)
		}
		return l.Ready()
	})
}
