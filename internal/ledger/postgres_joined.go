package ledger

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// joinedTx lets others of this program work in the ledger's own transaction: it is that transaction's connection, but can't
// end it, nor begin another one within.
type joinedTx struct{ conn *pgx.Conn }

var _ pgx.Tx = joinedTx{}

var errNotYours = errors.New("the transaction is the ledger's: it can be joined, not begun or ended")

// Begin implements [pgx.Tx].
func (joinedTx) Begin(context.Context) (pgx.Tx, error) { return nil, errNotYours }

// Commit implements [pgx.Tx].
func (joinedTx) Commit(context.Context) error { return errNotYours }

// Rollback implements [pgx.Tx].
func (joinedTx) Rollback(context.Context) error { return errNotYours }

// CopyFrom implements [pgx.Tx].
func (t joinedTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	return t.conn.CopyFrom(ctx, table, columns, rows)
}

// SendBatch implements [pgx.Tx].
func (t joinedTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return t.conn.SendBatch(ctx, b)
}

// LargeObjects implements [pgx.Tx]; there are none.
func (joinedTx) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

// Prepare implements [pgx.Tx].
func (t joinedTx) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	return t.conn.Prepare(ctx, name, sql)
}

// Exec implements [pgx.Tx].
func (t joinedTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return t.conn.Exec(ctx, sql, args...)
}

// Query implements [pgx.Tx].
func (t joinedTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return t.conn.Query(ctx, sql, args...)
}

// QueryRow implements [pgx.Tx].
func (t joinedTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return t.conn.QueryRow(ctx, sql, args...)
}

// Conn implements [pgx.Tx].
func (t joinedTx) Conn() *pgx.Conn { return t.conn }
