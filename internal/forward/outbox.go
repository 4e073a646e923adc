package forward

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

var errOtherDatabase = errors.New("forward: the transaction is of the other kind of database")

// Route names the destinations that want an event, sorted; none is nil.
func (f *Forwarder) Route(e delivery.Event) (names []string) {
	now := f.routes.Load()
	for _, name := range now.names {
		if now.byName[name].Wants(e) {
			names = append(names, name)
		}
	}
	return names
}

// EnqueuePostgres makes jobs for deliveries in the transaction that stores them. Without the commit there are none.
func (f *Forwarder) EnqueuePostgres(ctx context.Context, tx pgx.Tx, due []delivery.Due) error {
	if f.postgres == nil {
		return errOtherDatabase
	}
	return f.postgres.enqueue(ctx, tx, f.bundles(due))
}

// EnqueueSQLite is EnqueuePostgres for SQLite.
func (f *Forwarder) EnqueueSQLite(ctx context.Context, tx *sql.Tx, due []delivery.Due) error {
	if f.sqlite == nil {
		return errOtherDatabase
	}
	return f.sqlite.enqueue(ctx, tx, f.bundles(due))
}
