package ledger

import (
	"database/sql"
	"fmt"
	"iter"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// column is one column of rows on their way into a statement.
type column[R any] struct {
	name   string
	pgType string
	value  func(*R) any            // as SQLite gets it
	binary func([]byte, *R) []byte // appends it as an element of PostgreSQL's array
	size   func(*R) int            // of the element, about; nil when it is small
}

func text[R any](name string, get func(*R) string) column[R] {
	return column[R]{
		name: name, pgType: "text", value: func(r *R) any { return get(r) },
		binary: func(buf []byte, r *R) []byte { return appendText(buf, get(r)) },
	}
}

func number[R any](name string, get func(*R) int64) column[R] {
	return column[R]{
		name: name, pgType: "bigint", value: func(r *R) any { return get(r) },
		binary: func(buf []byte, r *R) []byte { return appendInt64(buf, get(r)) },
	}
}

func boolean[R any](name string, get func(*R) bool) column[R] {
	return column[R]{
		name: name, pgType: "boolean", value: func(r *R) any { return get(r) },
		binary: func(buf []byte, r *R) []byte { return appendBool(buf, get(r)) },
	}
}

// octets never gives NULL: an empty value stays an empty value.
func octets[R any](name string, get func(*R) []byte) column[R] {
	return column[R]{
		name: name, pgType: "bytea",
		value: func(r *R) any {
			if b := get(r); b != nil {
				return b
			}
			return []byte{}
		},
		binary: func(buf []byte, r *R) []byte { return appendText(buf, get(r)) },
		size:   func(r *R) int { return len(get(r)) },
	}
}

// ids gives NULL for the zero id.
func ids[R any](name string, get func(*R) dedup.ID) column[R] {
	return column[R]{
		name: name, pgType: "uuid",
		value: func(r *R) any {
			if id := get(r); !id.IsZero() {
				return rowID(id)
			}
			return nil
		},
		binary: func(buf []byte, r *R) []byte {
			if id := get(r); !id.IsZero() {
				return appendText(buf, id[:])
			}
			return appendNull(buf)
		},
	}
}

// moment gives NULL for the zero time.
func moment[R any](name string, get func(*R) time.Time) column[R] {
	return column[R]{
		name: name, pgType: "timestamptz",
		value: func(r *R) any {
			if t := get(r); !t.IsZero() {
				return t
			}
			return nil
		},
		binary: func(buf []byte, r *R) []byte {
			if t := get(r); !t.IsZero() {
				return appendTime(buf, t)
			}
			return appendNull(buf)
		},
	}
}

// optionalNumber gives NULL for nil.
func optionalNumber[R any](name string, get func(*R) *int64) column[R] {
	return column[R]{
		name: name, pgType: "bigint",
		value: func(r *R) any {
			if n := get(r); n != nil {
				return *n
			}
			return nil
		},
		binary: func(buf []byte, r *R) []byte {
			if n := get(r); n != nil {
				return appendInt64(buf, *n)
			}
			return appendNull(buf)
		},
	}
}

// names lists the columns for an INSERT.
func names[R any](columns []column[R]) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.name
	}
	return strings.Join(list, ", ")
}

// statement is SQL over many rows, which it calls v.
type statement[R any] struct {
	columns []column[R]
	head    string // up to where the rows come
	tail    string
}

// over makes a statement of SQL that may go on with more WITH queries or with what is done.
func over[R any](columns []column[R], sql string) statement[R] {
	return statement[R]{columns, "WITH v (" + names(columns) + ") AS (", ") " + sql}
}

// insert puts the rows into a table; onConflict says what to do with those that are there already.
func insert[R any](into string, columns []column[R], onConflict string) statement[R] {
	return over(columns, insertion(into, columns, onConflict))
}

// insertTelling is insert, and gives back the columns returned: on PostgreSQL of the rows for which the condition holds, on SQLite,
// which can't choose, of all.
func insertTelling[R any](d dialect, into string, columns []column[R], onConflict, returned, condition string) statement[R] {
	done := insertion(into, columns, onConflict+" RETURNING "+returned)
	if d.hasArrays() {
		done = ", back AS (" + done + ") SELECT " + returned + " FROM back WHERE " + condition
	}
	return over(columns, done)
}

func insertion[R any](into string, columns []column[R], onConflict string) string {
	list := names(columns)
	// WHERE true keeps SQLite from reading ON as a join's.
	return "INSERT INTO " + into + " (" + list + ") SELECT " + list + " FROM v WHERE true " + onConflict
}

// exec runs the statement over the rows.
func (s statement[R]) exec(tx *gorm.DB, d dialect, rows []R) error {
	for part, args := range s.bind(d, rows) {
		if err := tx.Exec(part, args...).Error; err != nil {
			return err
		}
	}
	return nil
}

// carried is a statement and its rows, on the way in another statement. It is "" without rows.
type carried struct {
	sql  string
	args []any
}

// carry is for databases that take any number of arguments.
func (s statement[R]) carry(d dialect, rows []R) carried {
	if len(rows) == 0 {
		return carried{}
	}
	source, args := rowSource(d, s.columns, rows)
	return carried{s.head + source + s.tail, args}
}

// along gives s with others that travel in it. None sees what another does.
func (s carried) along(others ...carried) carried {
	var with strings.Builder
	var args []any
	for i, o := range others {
		if o.sql != "" {
			fmt.Fprintf(&with, "along%d AS (%s), ", i, o.sql)
			args = append(args, o.args...)
		}
	}
	return carried{"WITH " + with.String() + strings.TrimPrefix(s.sql, "WITH "), append(args, s.args...)}
}

// query runs the statement over the rows and calls scan for each row that comes back.
func (s statement[R]) query(tx *gorm.DB, d dialect, rows []R, scan func(*sql.Rows) error) error {
	for part, args := range s.bind(d, rows) {
		if err := scanAll(tx.Raw(part, args...), scan); err != nil {
			return err
		}
	}
	return nil
}

func scanAll(tx *gorm.DB, scan func(*sql.Rows) error) error {
	rows, err := tx.Rows()
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err = scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// bind yields the SQL and its arguments, in as many parts as the database's limit of arguments makes necessary.
func (s statement[R]) bind(d dialect, rows []R) iter.Seq2[string, []any] {
	return func(yield func(string, []any) bool) {
		most := d.maxRows(len(s.columns))
		for len(rows) > 0 {
			n := min(len(rows), most)
			source, args := rowSource(d, s.columns, rows[:n])
			if !yield(s.head+source+s.tail, args) {
				return
			}
			rows = rows[n:]
		}
	}
}
