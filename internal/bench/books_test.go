package main

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dedupgate/dedupgate/internal/ledger"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// emptyStage has the gateway's schema and nothing else.
func emptyStage(t *testing.T) *stage {
	t.Helper()
	dsn := testkit.Postgres(t)
	if _, err := ledger.Migrate(t.Context(), ledger.Options{URL: dsn}); err != nil {
		t.Fatal(err)
	}
	db, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(t.Context()) })
	return &stage{db: db}
}

// oneEvent stores an event as the gateway would, in short.
const oneEvent = `
INSERT INTO events VALUES ('0199c3a2-7c1e-7b60-9c1d-3f1c0a5b7d10', 'apify', 'r:ojue2pKvaKRjkewuJ:1789373061640:S',
	'ACTOR.RUN.SUCCEEDED', 'run', 'ojue2pKvaKRjkewuJ', '', '', '1789373061640', 'd', 1, 'new', 0,
	'0199c3a2-7c1e-7b60-9c1d-3f1c0a5b7d10', now(), NULL, 'application/json', '{}', 2, '{}');
INSERT INTO runs (run_id, kind, source, status, first_seen_at, updated_at, events)
VALUES ('ojue2pKvaKRjkewuJ', 'run', 'apify', 'SUCCEEDED', now(), now(), 1)`

func TestBooksCountEveryTable(t *testing.T) {
	t.Parallel()
	s := emptyStage(t)
	if difference, err := s.checkBooks(t.Context(), "nothing"); err != nil || difference != "" {
		t.Errorf("empty tables: difference %q, error %v", difference, err)
	}
	if _, err := s.db.Exec(t.Context(), oneEvent); err != nil {
		t.Fatal(err)
	}
	s.want.tell(1)
	if difference, err := s.checkBooks(t.Context(), "one event"); err != nil || difference == "" {
		t.Errorf("an event without receipt and rollup: difference %q, error %v", difference, err)
	}
	if difference, err := s.checkBooks(t.Context(), "the same"); err != nil || difference != "" {
		t.Errorf("a difference is told twice: %q, error %v", difference, err)
	}
}

func TestPreloadFillsEventsRunsAndReceipts(t *testing.T) {
	t.Parallel()
	s := emptyStage(t)
	if _, err := s.db.Exec(t.Context(), oneEvent); err != nil {
		t.Fatal(err)
	}
	if err := s.preload(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	got, err := s.readBooks(t.Context())
	if err != nil || got.Events != 1001 || got.Runs != 1001 || got.Receipts != 1000 {
		t.Errorf("%+v, error %v", got, err)
	}
	var keys, early int64
	err = s.db.QueryRow(t.Context(), `SELECT count(DISTINCT event_key), count(*) FILTER (WHERE received_at < date_trunc('day', now(), 'UTC'))
		FROM events WHERE event_key ~ '^r:[0-9a-f]{17}:1789373061640:S$'`).Scan(&keys, &early)
	if err != nil || keys != 1000 || early != 0 {
		t.Errorf("%d keys, %d before today, error %v", keys, early, err)
	}
}
