package forward

import (
	"context"
	"database/sql"
	"errors"
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

// memoryStore is a store of deliveries in memory, for what the worker decides. The real one is tested with this package in
// internal/app.
type memoryStore struct {
	mu      sync.Mutex
	rows    map[dedup.ID]*row
	results []delivery.Result
	down    error // what all calls answer while it is not nil
	begins  int   // calls of Begin
	open    int   // deliveries that are not over
	changed chan struct{}
	paused  map[string]bool
	// inTx makes jobs, and takes those of processes that have gone, in one transaction.
	inTx func(take []delivery.LostJob, due func([]delivery.Claim) []delivery.Due) error
}

type row struct {
	delivery.Shipment
	state    delivery.State
	next     time.Time
	underWay *int // the job whose attempt is under way
}

// giveUp ends the attempt that a job has under way.
func (r *row) giveUp(job int) {
	if r.underWay != nil && *r.underWay == job {
		r.underWay, r.state = nil, delivery.Retrying
	}
}

func newMemoryStore() *memoryStore {
	return &memoryStore{rows: map[dedup.ID]*row{}, paused: map[string]bool{}, changed: make(chan struct{})}
}

func (s *memoryStore) Begin(_ context.Context, claims []delivery.Claim) (begun delivery.Begun, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begins++
	if s.down != nil {
		return begun, s.down
	}
	for _, c := range slices.Backward(claims) { // in any order, says the contract
		r := s.rows[c.Delivery]
		if r == nil || r.Job != c.Job || r.state.Over() || r.state == delivery.Held {
			continue
		}
		if c.Again {
			r.giveUp(c.Job)
		}
		if r.underWay != nil || s.paused[r.Destination] {
			begun.Waiting = append(begun.Waiting, c.Delivery)
			continue
		}
		r.state, r.underWay = delivery.Delivering, &c.Job
		r.Attempt++
		begun.Shipments = append(begun.Shipments, r.Shipment)
	}
	return begun, nil
}

// SetPaused implements [Store].
func (s *memoryStore) SetPaused(_ context.Context, destination string, paused bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused[destination] = paused
	return s.down
}

// Paused implements [Store].
func (s *memoryStore) Paused(context.Context) (names []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, paused := range s.paused {
		if paused {
			names = append(names, name)
		}
	}
	return names, s.down
}

// TakeOver implements [Store].
func (s *memoryStore) TakeOver(_ context.Context, lost []delivery.LostJob) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return 0, s.down
	}
	err = s.inTx(lost, func(claims []delivery.Claim) (due []delivery.Due) {
		for _, c := range claims {
			r := s.rows[c.Delivery]
			if r.giveUp(c.Job); r.Job == c.Job && !r.state.Over() {
				r.Job++
				due = append(due, r.Due)
			}
		}
		n = len(due)
		return due
	})
	return n, err
}

func (s *memoryStore) Blocked(_ context.Context, ids []dedup.ID) (blocked []dedup.ID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return nil, s.down
	}
	for _, id := range ids {
		for _, other := range s.rows {
			mine := s.rows[id]
			if other.Run == mine.Run && other.Destination == mine.Destination && other.Seq < mine.Seq && !other.state.Over() {
				blocked = append(blocked, id)
				break
			}
		}
	}
	return blocked, nil
}

func (s *memoryStore) Finish(_ context.Context, results []delivery.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return s.down
	}
	var again []delivery.Due
	for _, r := range results {
		s.results = append(s.results, r)
		of := s.rows[r.DeliveryID]
		if r.State.Over() && !of.state.Over() {
			s.open--
		}
		moves := of.state == delivery.Delivering || r.State == delivery.Delivered
		if of.underWay = nil; !moves {
			continue
		}
		of.state, of.next = r.State, r.Next
		if r.State == delivery.Retrying {
			of.Job++
			due := of.Due
			due.At = r.Next
			again = append(again, due)
		}
	}
	if len(again) > 0 {
		if err := s.inTx(nil, func([]delivery.Claim) []delivery.Due { return again }); err != nil {
			return err
		}
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// fail lets all calls fail until it is called with nil.
func (s *memoryStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

func (s *memoryStore) add(shipments ...delivery.Shipment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sh := range shipments {
		s.rows[sh.ID] = &row{Shipment: sh, state: delivery.Pending}
		s.open++
	}
}

func (s *memoryStore) state(id dedup.ID) delivery.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows[id].state
}

// reopen is what an operator does who calls a delivery off and takes it up again.
func (s *memoryStore) reopen(id dedup.ID) delivery.Shipment {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows[id]
	r.state = delivery.Pending
	r.Job++
	return r.Shipment
}

// attempts returns the results of a delivery, in order.
func (s *memoryStore) attempts(id dedup.ID) (all []delivery.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.results {
		if r.DeliveryID == id {
			all = append(all, r)
		}
	}
	return all
}

// counts returns how many deliveries are in each state.
func (s *memoryStore) counts() map[delivery.State]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := map[delivery.State]int{}
	for _, r := range s.rows {
		n[r.state]++
	}
	return n
}

// settled waits until all deliveries are over, and fails the test when that takes too long.
func (s *memoryStore) settled(t testing.TB, within time.Duration) {
	t.Helper()
	deadline := time.After(within)
	for {
		s.mu.Lock()
		changed, open := s.changed, s.open
		s.mu.Unlock()
		if open == 0 {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%d deliveries are not over after %s: %v", open, within, s.counts())
		}
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

var errDown = errors.New("the database is down")
