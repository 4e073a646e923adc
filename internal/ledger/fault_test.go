package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// stranger is somebody else's connection to the database.
func stranger(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func TestALockedRunContendsAndOthersPass(t *testing.T) {
	t.Parallel()
	dsn := testkit.Postgres(t)
	l := openMigrated(t, Options{URL: dsn})
	mustRecord(t, l, newEntry(time.Now(), "a", "locked"))
	other := stranger(t, dsn)
	for _, statement := range []string{"BEGIN", "SELECT 1 FROM runs WHERE run_id = 'locked' FOR UPDATE"} {
		if _, err := other.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	batch := []*dedup.Entry{newEntry(time.Now(), "b", "free"), newEntry(time.Now(), "c", "locked")}
	start := time.Now()
	_, _, err := l.Record(t.Context(), batch)
	if took := time.Since(start); !errors.Is(err, dedup.ErrContended) || took < lockTimeout || took > 10*lockTimeout {
		t.Fatalf("after %v: %v", took, err)
	}
	if v := mustRecord(t, l, batch[0]); v[0].Outcome != dedup.OutcomeNew {
		t.Errorf("the free run's event: %+v", v)
	}
	if _, err := other.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if v := mustRecord(t, l, batch[1]); v[0].Outcome != dedup.OutcomeUpdated {
		t.Errorf("the locked run's event, unlocked: %+v", v)
	}
}

func TestABusySQLiteFileContends(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := openMigrated(t, Options{Path: path})
	db, err := sqliteDB(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTx(t.Context(), nil) // immediate
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = l.Record(t.Context(), []*dedup.Entry{newEntry(time.Now(), "a", "a")}); !errors.Is(err, dedup.ErrContended) {
		t.Errorf("a busy file gives %v", err)
	}
	if err = tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	mustRecord(t, l, newEntry(time.Now(), "a", "a"))
}

func TestPoisonedTextIsRejected(t *testing.T) {
	t.Parallel()
	l := openMigrated(t, Options{URL: testkit.Postgres(t)})
	for _, poison := range []string{"\x00", "\xff", "a\xc3\x28"} {
		for field, set := range map[string]func(*dedup.Inbound){
			"type":         func(in *dedup.Inbound) { in.Type = poison },
			"dispatch id":  func(in *dedup.Inbound) { in.DispatchID = poison },
			"task":         func(in *dedup.Inbound) { in.TaskID = poison },
			"content type": func(in *dedup.Inbound) { in.ContentType = poison },
		} {
			e, good := newEntry(time.Now(), "poison", "poison"), newEntry(time.Now(), "good", "good")
			set(e.Inbound)
			if _, _, err := l.Record(t.Context(), []*dedup.Entry{good, e}); !errors.Is(err, dedup.ErrRejected) {
				t.Errorf("%s %q: %v", field, poison, err)
			}
		}
		hit := dedup.Hit{ReceiptID: dedup.NewID(time.Now()), ReceivedAt: time.Now(), Source: "apify", Type: poison}
		if err := l.RecordHits(t.Context(), []dedup.Hit{hit}); !errors.Is(err, dedup.ErrRejected) {
			t.Errorf("a hit of type %q: %v", poison, err)
		}
	}
	long := newEntry(time.Now(), rand.Text(), "")
	for range 500 {
		long.Key.Event += rand.Text()
	}
	if _, _, err := l.Record(t.Context(), []*dedup.Entry{long}); !errors.Is(err, dedup.ErrRejected) {
		t.Errorf("a key too long for the index: %v", err)
	}
	if v := mustRecord(t, l, newEntry(time.Now(), "good", "good")); v[0].Outcome != dedup.OutcomeNew {
		t.Errorf("a part of a rejected batch was stored: %+v", v)
	}
}

func TestACutAfterCommitIsUnclearAndTheFirstStaysFirst(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t)
	proxy := testkit.Proxy(t, server.Addr())
	opts := Options{URL: server.Database()}
	opts.URL = testkit.Via(t, opts.URL, proxy.Addr())
	l := openMigrated(t, opts)
	old := newEntry(time.Now(), "old", "old")
	mustRecord(t, l, old)

	batch, batches := cutOff(t, l, proxy, func(n int) []*dedup.Entry {
		run := fmt.Sprint("run", n)
		first := newEntry(time.Now(), run+"a", run)
		return []*dedup.Entry{
			first, newEntry(time.Now().Add(time.Second), run+"b", run), repeat(old, time.Second), newEntry(time.Now(), run+"c", ""), repeat(first, 0),
		}
	})
	var verdicts []dedup.Verdict
	testkit.Eventually(t, 20*time.Second, func() (err error) {
		verdicts, _, err = l.Record(t.Context(), batch)
		return err
	})
	for i, want := range []dedup.Outcome{dedup.OutcomeNew, dedup.OutcomeUpdated, dedup.OutcomeDuplicate, dedup.OutcomeNew, dedup.OutcomeDuplicate} {
		if verdicts[i].Outcome != want {
			t.Errorf("entry %d: %+v, want %s", i, verdicts[i], want)
		}
	}
	var receipts int64
	b := books{t, l.db}
	for _, n := range b.Tallies("apify") {
		receipts += n
	}
	if want := 1 + batches*int64(len(batch)); receipts != want {
		t.Errorf("%d receipts counted, want %d", receipts, want)
	}
	if ev, _ := b.Event(old.Key); ev.Hits != batches {
		t.Errorf("the old event has %d hits, want %d", ev.Hits, batches)
	}
	expectQuietLog(t, server)
}

// cutOff records batches until the commit of one gets no answer, which may be faster than the cut. It returns that one, and how
// many there were.
func cutOff(t *testing.T, l *Ledger, proxy *testkit.FlakyProxy, batch func(n int) []*dedup.Entry) (unclear []*dedup.Entry, batches int64) {
	t.Helper()
	for n := range 20 {
		cut := proxy.CutAfter(testkit.Prepared("commit"))
		entries := batch(n)
		_, _, err := l.Record(t.Context(), entries)
		if err != nil && !errors.Is(err, dedup.ErrUnclear) {
			t.Fatalf("a commit without an answer gives %v", err)
		}
		<-cut
		proxy.Heal()
		if err != nil {
			return entries, int64(n) + 1
		}
		l.dialect.reconnect(l) // the connection that was cut is the pool's still
	}
	t.Fatal("no cut came before the answer")
	return nil, 0
}

func TestACutBeforeCommitStoresNothing(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t)
	proxy := testkit.Proxy(t, server.Addr())
	l := openMigrated(t, Options{URL: testkit.Via(t, server.Database(), proxy.Addr())})
	e := newEntry(time.Now(), "a", "run")
	proxy.CutAfter("INSERT INTO events")
	if _, _, err := l.Record(t.Context(), []*dedup.Entry{e}); !errors.Is(err, dedup.ErrUnavailable) {
		t.Fatalf("a connection lost on the way gives %v", err)
	}
	testkit.Eventually(t, 20*time.Second, func() error {
		verdicts, _, err := l.Record(t.Context(), []*dedup.Entry{e})
		if err == nil && verdicts[0].Outcome != dedup.OutcomeNew {
			t.Errorf("recorded again: %+v", verdicts[0])
		}
		return err
	})
}

func TestAHangingDatabaseEndsWithTheDeadline(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t)
	l := openMigrated(t, Options{URL: server.Database()})
	mustRecord(t, l, newEntry(time.Now(), "b", "run"))
	e := newEntry(time.Now().Add(time.Second), "a", "run")
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, _, err := l.Record(ctx, []*dedup.Entry{e})
	server.Resume()
	if !errors.Is(err, dedup.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a hanging database gives %v", err)
	}
	if v := mustRecord(t, l, e); v[0].Outcome != dedup.OutcomeUpdated {
		t.Errorf("recorded again: %+v", v[0])
	}
}

func TestCommitErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want error
	}{
		"a refused commit":            {&pgconn.PgError{Severity: "ERROR", Code: "40001"}, dedup.ErrContended},
		"a deferred constraint":       {&pgconn.PgError{Severity: "ERROR", Code: "23505"}, dedup.ErrRejected},
		"a rollback in its place":     {pgx.ErrTxCommitRollback, dedup.ErrUnavailable},
		"a server told to stop":       {&pgconn.PgError{Severity: "FATAL", Code: "57P01"}, dedup.ErrUnclear},
		"no answer":                   {errors.New("unexpected EOF"), dedup.ErrUnclear},
		"a deadline while waiting":    {context.DeadlineExceeded, dedup.ErrUnclear},
		"a connection lost meanwhile": {fmt.Errorf("read: %w", pgconn.ErrConnClosed), dedup.ErrUnclear},
		"a transaction over before":   {sql.ErrTxDone, dedup.ErrUnavailable},
	} {
		if got := translateCommit(c.err); !errors.Is(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if translateCommit(nil) != nil {
		t.Error("a commit that succeeded is an error")
	}
}

func TestAPanicRollsBack(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]Options{
		"postgres": {URL: testkit.Postgres(t)},
		"sqlite":   {Path: filepath.Join(t.TempDir(), "ledger.db")},
	} {
		l := openMigrated(t, opts)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: the panic was swallowed", name)
				}
			}()
			_, _ = l.transaction(t.Context(), func(tx *gorm.DB) error {
				if err := tx.Exec("DELETE FROM installation").Error; err != nil {
					t.Error(err)
				}
				panic("a defect")
			})
		}()
		mustRecord(t, l, newEntry(time.Now(), "a", "a"))
		var left int64
		if err := l.db.Table("installation").Count(&left).Error; err != nil || left != 1 {
			t.Errorf("%s: %d rows after the rollback, error %v", name, left, err)
		}
	}
}

func TestNoErrorsInTheServersLog(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t)
	l := openMigrated(t, Options{URL: server.Database()})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for n := range 20 {
				batch := []*dedup.Entry{newEntry(time.Now(), fmt.Sprint("shared", n), fmt.Sprint("run", n)), newEntry(time.Now(), fmt.Sprint(w, n), "busy")}
				if _, _, err := l.Record(t.Context(), batch); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	expectQuietLog(t, server)
}

func TestNoPayloadInErrorsOrLogs(t *testing.T) {
	t.Parallel()
	const canary = "canary-9f3b"
	dsn := testkit.Postgres(t)
	log, records := testkit.CaptureLogger(t)
	opts := Options{URL: dsn}
	l := openMigrated(t, opts)
	l.log = log
	var texts []string
	note := func(err error) {
		if err != nil {
			texts = append(texts, err.Error())
		}
	}
	poison := newEntry(time.Now(), canary, canary)
	poison.Body, poison.Headers = []byte(canary), []byte(canary)
	poison.Type, poison.DispatchID, poison.ContentType = canary+"\xff", canary+"\x00", canary
	_, _, err := l.Record(t.Context(), []*dedup.Entry{poison})
	note(err)
	note(l.RecordHits(t.Context(), []dedup.Hit{{ReceiptID: poison.ReceiptID, ReceivedAt: time.Now(), Source: canary, Type: canary + "\x00"}}))
	if len(texts) != 2 {
		t.Fatalf("want two refusals, got %q", texts)
	}
	if err := l.db.Exec("DROP TABLE rollups").Error; err != nil {
		t.Fatal(err)
	}
	good := newEntry(time.Now(), canary, canary)
	_, _, err = l.Record(t.Context(), []*dedup.Entry{good})
	note(err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = l.Record(ended, []*dedup.Entry{good})
	note(err)
	_, err = Open(t.Context(), Options{URL: "postgres://user:" + canary + "@host:badport/db"}, log)
	note(err)
	l.look(ended)
	if len(texts) != 5 {
		t.Fatalf("want five errors, got %q", texts)
	}
	if all := strings.Join(texts, "\n") + records.Text(); strings.Contains(all, canary) {
		t.Errorf("a payload or secret is in: %s", all)
	}
}
