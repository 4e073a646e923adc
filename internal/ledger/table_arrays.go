package ledger

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// rowSource is the one place where the two databases differ in how rows travel. PostgreSQL gets one array a column, so
// that the text is the same for any number of rows; SQLite, which has no arrays, gets VALUES.
func rowSource[R any](d dialect, columns []column[R], rows []R) (string, []any) {
	if d.hasArrays() {
		return unnest(columns, rows)
	}
	return values(columns, rows)
}

func unnest[R any](columns []column[R], rows []R) (string, []any) {
	var b strings.Builder
	args := make([]any, len(columns))
	b.WriteString("SELECT ")
	for i := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("unnest(?::")
		b.WriteString(columns[i].pgType)
		b.WriteString("[])")
		args[i] = array[R]{&columns[i], rows}
	}
	return b.String(), args
}

func values[R any](columns []column[R], rows []R) (string, []any) {
	row := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	args := make([]any, 0, len(columns)*len(rows))
	for r := range rows {
		for c := range columns {
			args = append(args, columns[c].value(&rows[r]))
		}
	}
	return "VALUES " + row + strings.Repeat(", "+row, len(rows)-1), args
}

// array is one column of rows, which is one parameter. A struct, because GORM would spread a slice.
type array[R any] struct {
	column *column[R]
	rows   []R
}

// wireArray writes itself as PostgreSQL reads it. elements has the type of the array's elements.
type wireArray interface {
	appendTo(buf []byte, elements uint32) []byte
}

// appendTo writes the array in PostgreSQL's binary form: dimensions, a flag for NULLs, the type of the elements, length and
// lower bound, and then the elements, each after its length.
func (a array[R]) appendTo(buf []byte, elements uint32) []byte {
	const header, perElement, dimensions, mayHoldNulls, firstIndex = 20, 24, 1, 1, 1
	room := header + perElement*len(a.rows)
	if a.column.size != nil {
		for i := range a.rows {
			room += a.column.size(&a.rows[i])
		}
	}
	buf = slices.Grow(buf, room) // at once: growing it under bodies step by step would copy them several times
	for _, n := range [...]uint32{dimensions, mayHoldNulls, elements, uint32(len(a.rows)), firstIndex} {
		buf = binary.BigEndian.AppendUint32(buf, n)
	}
	for i := range a.rows {
		buf = a.column.binary(buf, &a.rows[i])
	}
	return buf
}

// The elements of arrays in PostgreSQL's binary form.

func appendText[T string | []byte](buf []byte, s T) []byte {
	return append(binary.BigEndian.AppendUint32(buf, uint32(len(s))), s...)
}

func appendInt64(buf []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(buf, 8), uint64(n))
}

func appendBool(buf []byte, b bool) []byte {
	buf = binary.BigEndian.AppendUint32(buf, 1)
	if b {
		return append(buf, 1)
	}
	return append(buf, 0)
}

// appendTime counts in microseconds from 2000-01-01, as PostgreSQL does.
func appendTime(buf []byte, t time.Time) []byte {
	const postgresEpoch = 946_684_800 * 1_000_000
	return appendInt64(buf, t.UnixMicro()-postgresEpoch)
}

func appendNull(buf []byte) []byte { return binary.BigEndian.AppendUint32(buf, math.MaxUint32) }

// wireArrays is the codec of an array type that lets a [wireArray] write itself. pgx's own codec asks for every element as
// an interface value and looks for a way to encode it: three quarters of the time and nearly all of the garbage.
type wireArrays struct{ *pgtype.ArrayCodec }

// PlanEncode implements [pgtype.Codec].
func (c wireArrays) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(wireArray); ok && format == pgtype.BinaryFormatCode {
		return wirePlan{c.ElementType.OID}
	}
	return c.ArrayCodec.PlanEncode(m, oid, format, value)
}

type wirePlan struct{ elements uint32 }

// Encode implements [pgtype.EncodePlan].
func (p wirePlan) Encode(value any, buf []byte) ([]byte, error) {
	a, ok := value.(wireArray)
	if !ok {
		return nil, fmt.Errorf("encode an array: got %T", value)
	}
	return a.appendTo(buf, p.elements), nil
}

// writeArrays registers [wireArrays] with a connection.
func writeArrays(conn *pgx.Conn) {
	for _, name := range []string{"text", "int8", "bool", "bytea", "uuid", "timestamptz"} {
		known, ok := conn.TypeMap().TypeForName("_" + name)
		if !ok {
			continue
		}
		if codec, ok := known.Codec.(*pgtype.ArrayCodec); ok {
			conn.TypeMap().RegisterType(&pgtype.Type{Name: known.Name, OID: known.OID, Codec: wireArrays{codec}})
		}
	}
}
