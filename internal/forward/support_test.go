package forward

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite" // the ledger's driver

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bed is a forwarder with its database, its store and a way to enqueue.
type bed struct {
	t       testing.TB
	db      Database
	store   *memoryStore
	log     *slog.Logger
	options Options
}

// onBoth runs a test on PostgreSQL and on SQLite.
func onBoth(t *testing.T, test func(t *testing.T, b *bed)) {
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, postgresBed(t)) })
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, sqliteBed(t)) })
}

func postgresBed(t testing.TB) *bed {
	t.Helper()
	return newBed(t, Database{Postgres: postgresPool(t, testkit.Postgres(t))})
}

func postgresPool(t testing.TB, dsn string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	must(t, err)
	config.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// sqliteBed opens the file as the ledger does.
func sqliteBed(t testing.TB) *bed {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "dedupgate.db")+"?"+url.Values{
		"_pragma": {"busy_timeout(500)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)"},
		"_txlock": {"immediate"}, "_time_integer_format": {"unix_micro"}, "_inttotime": {"1"}, "_dqs": {"0"},
	}.Encode())
	must(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return newBed(t, Database{SQLite: db})
}

func newBed(t testing.TB, db Database) *bed {
	t.Helper()
	b := &bed{t: t, db: db, store: newMemoryStore(), log: testkit.Logger(t)}
	_, err := Migrate(t.Context(), db, b.log)
	must(t, err)
	b.options = Options{
		Database: db, Store: b.store, Log: b.log, Version: "test",
		RescueAfter: 600 * time.Millisecond, WatchEvery: 50 * time.Millisecond,
		Breaker: Breaker{Failures: 1000, Wait: 100 * time.Millisecond},
	}
	return b
}

// forwarder makes one. Whichever was made last makes the jobs of further attempts.
func (b *bed) forwarder() *Forwarder {
	b.t.Helper()
	f, err := New(b.options)
	must(b.t, err)
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	b.store.inTx = func(take []delivery.LostJob, due func([]delivery.Claim) []delivery.Due) error {
		return b.inTx(f, take, due)
	}
	return f
}

// start makes and starts a forwarder, stopped at the end of the test.
func (b *bed) start(destinations ...*delivery.Destination) *Forwarder {
	b.t.Helper()
	f := b.forwarder()
	must(b.t, f.SetDestinations(destinations))
	b.run(f)
	return f
}

// run starts a forwarder, stopped at the end of the test.
func (b *bed) run(f *Forwarder) {
	b.t.Helper()
	must(b.t, f.Start(b.t.Context()))
	b.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = f.Stop(ctx)
	})
}

// enqueue stores deliveries and makes their jobs, in one transaction as the ledger does.
func (b *bed) enqueue(f *Forwarder, shipments ...delivery.Shipment) {
	b.t.Helper()
	b.store.add(shipments...)
	b.jobsFor(f, shipments...)
}

func (b *bed) jobsFor(f *Forwarder, shipments ...delivery.Shipment) {
	b.t.Helper()
	due := make([]delivery.Due, len(shipments))
	for i, s := range shipments {
		due[i] = s.Due
	}
	must(b.t, b.inTx(f, nil, func([]delivery.Claim) []delivery.Due { return due }))
}

// inTx takes jobs and makes others in one transaction, as the ledger does.
func (b *bed) inTx(f *Forwarder, take []delivery.LostJob, due func([]delivery.Claim) []delivery.Due) error {
	ctx := context.WithoutCancel(b.t.Context())
	if b.db.Postgres != nil {
		return pgx.BeginFunc(ctx, b.db.Postgres, func(tx pgx.Tx) error {
			claims, err := f.TakePostgres(ctx, tx, take)
			if err != nil {
				return err
			}
			return f.EnqueuePostgres(ctx, tx, due(claims))
		})
	}
	tx, err := b.db.SQLite.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	claims, err := f.TakeSQLite(ctx, tx, take)
	if err == nil {
		err = f.EnqueueSQLite(ctx, tx, due(claims))
	}
	if err == nil {
		err = tx.Commit()
	}
	return err
}

// exec runs a statement that both databases understand.
func (b *bed) exec(statement string) {
	b.t.Helper()
	var err error
	if b.db.Postgres != nil {
		_, err = b.db.Postgres.Exec(b.t.Context(), statement)
	} else {
		_, err = b.db.SQLite.ExecContext(b.t.Context(), statement)
	}
	must(b.t, err)
}

// count runs a query for one number.
func (b *bed) count(query string) (n int) {
	b.t.Helper()
	if b.db.Postgres != nil {
		must(b.t, b.db.Postgres.QueryRow(b.t.Context(), query).Scan(&n))
	} else {
		must(b.t, b.db.SQLite.QueryRowContext(b.t.Context(), query).Scan(&n))
	}
	return n
}

var secret = []byte("0123456789abcdef0123456789abcdef")

// shipmentFor is a new delivery to a destination.
func shipmentFor(destination string) delivery.Shipment {
	now := time.Now()
	return delivery.Shipment{
		Due:    delivery.Due{ID: dedup.NewID(now), EventID: dedup.NewID(now), Destination: destination},
		Source: "apify", Run: dedup.RunRef{ID: dedup.NewID(now).String()}, EventType: "ACTOR.RUN.SUCCEEDED",
		Generation: "2026-01-01T00:00:00.000Z", Seq: 1, CreatedAt: now,
		ContentType: "application/json; charset=utf-8", Body: []byte(`{"eventType":"ACTOR.RUN.SUCCEEDED", "ü":1}` + "\n"),
	}
}

func shipmentsFor(destination string, n int) []delivery.Shipment {
	all := make([]delivery.Shipment, n)
	for i := range all {
		all[i] = shipmentFor(destination)
	}
	return all
}

// destinationAt is a destination for tests: loopback allowed, quick retries.
func destinationAt(t testing.TB, name, address string) *delivery.Destination {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	return &delivery.Destination{
		Name: name, URL: u, Secrets: [][]byte{secret}, Timeout: 5 * time.Second, Concurrency: 8, AllowHTTP: true,
		Retry:        delivery.Retry{Attempts: 5, First: 10 * time.Millisecond, Factor: 2, Max: time.Second},
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
}

// sink is a receiver that remembers.
type sink struct {
	*httptest.Server
	mu       sync.Mutex
	requests []received
	arrived  chan received
}

type received struct {
	http.Header
	host string
	body []byte
	at   time.Time
}

// newSink answers with answer, or 204 when that is nil.
func newSink(t testing.TB, answer http.HandlerFunc) *sink {
	t.Helper()
	s := &sink{arrived: make(chan received, 100_000)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := received{Header: r.Header.Clone(), host: r.Host, at: time.Now()}
		got.body, _ = io.ReadAll(r.Body)
		s.mu.Lock()
		s.requests = append(s.requests, got)
		s.mu.Unlock()
		s.arrived <- got
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, r)
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

func (s *sink) all() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// next waits for a request.
func (s *sink) next(t testing.TB, within time.Duration) received {
	t.Helper()
	select {
	case r := <-s.arrived:
		return r
	case <-time.After(within):
		t.Fatalf("nothing arrived within %s", within)
		return received{}
	}
}

// equal is an error when two things differ, for polling.
func equal[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}
