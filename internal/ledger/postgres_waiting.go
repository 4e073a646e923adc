package ledger

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// waitingTx is a joinedTx whose writes wait for the ledger's next statement and travel with it. What they do is told by that:
// here they succeed. Everything that gives an answer is done at once, behind what waits.
type waitingTx struct {
	joinedTx

	below *pipelinedConn // in a transaction
}

var _ pgx.Tx = waitingTx{}

// mostInserted is how many rows of a CopyFrom wait as one INSERT. COPY, which can't wait, asks twice more: that pays for many.
const mostInserted = 8

// CopyFrom implements [pgx.Tx].
func (t waitingTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	var args []any
	n := 0
	for ; n <= mostInserted && rows.Next(); n++ {
		row, err := rows.Values()
		if err != nil {
			return 0, err
		}
		args = append(args, row...)
	}
	if err := rows.Err(); err != nil || n == 0 {
		return 0, err
	}
	if n <= mostInserted {
		t.below.wait(insertRows(table, columns, n), args)
		return int64(n), nil
	}
	if err := t.below.sendWaiting(ctx); err != nil {
		return 0, err
	}
	return t.conn.CopyFrom(ctx, table, columns, &pushedBack{CopyFromSource: rows, args: args, width: len(columns)})
}

// insertRows is the INSERT of n rows.
func insertRows(table pgx.Identifier, columns []string, n int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + table.Sanitize() + " (")
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(pgx.Identifier{c}.Sanitize())
	}
	b.WriteString(") VALUES ")
	for i := range n * len(columns) {
		switch {
		case i%len(columns) > 0:
			b.WriteString(", ")
		case i > 0:
			b.WriteString("), (")
		default:
			b.WriteString("(")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	b.WriteString(")")
	return b.String()
}

// pushedBack gives rows that were read already, and then the rest.
type pushedBack struct {
	pgx.CopyFromSource

	args  []any
	width int
	row   []any // the current one, if it was read already
}

// Next implements [pgx.CopyFromSource].
func (p *pushedBack) Next() bool {
	if p.row = nil; len(p.args) > 0 {
		p.row, p.args = p.args[:p.width], p.args[p.width:]
		return true
	}
	return p.CopyFromSource.Next()
}

// Values implements [pgx.CopyFromSource].
func (p *pushedBack) Values() ([]any, error) {
	if p.row != nil {
		return p.row, nil
	}
	return p.CopyFromSource.Values()
}

// Exec implements [pgx.Tx]. Nothing is known of the rows it changes.
func (t waitingTx) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	t.below.wait(sql, args)
	return pgconn.CommandTag{}, nil
}

// SendBatch implements [pgx.Tx].
func (t waitingTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	_ = t.below.sendWaiting(ctx) // a failed transaction says so again
	return t.joinedTx.SendBatch(ctx, b)
}

// Prepare implements [pgx.Tx].
func (t waitingTx) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	if err := t.below.sendWaiting(ctx); err != nil {
		return nil, err
	}
	return t.joinedTx.Prepare(ctx, name, sql)
}

// Query implements [pgx.Tx].
func (t waitingTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := t.below.sendWaiting(ctx); err != nil {
		return nil, err
	}
	return t.joinedTx.Query(ctx, sql, args...)
}

// QueryRow implements [pgx.Tx].
func (t waitingTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	_ = t.below.sendWaiting(ctx) // a failed transaction says so again
	return t.joinedTx.QueryRow(ctx, sql, args...)
}
