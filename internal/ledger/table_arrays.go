package ledger

import (
	"slices"
	"strings"

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

// array is one column of rows as pgx encodes it, without a copy. A struct, because GORM would spread a slice.
type array[R any] struct {
	column *column[R]
	rows   []R
}

var _ pgtype.ArrayGetter = array[struct{}]{}

// Dimensions implements [pgtype.ArrayGetter].
func (a array[R]) Dimensions() []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(len(a.rows)), LowerBound: 1}}
}

// Index implements [pgtype.ArrayGetter].
func (a array[R]) Index(i int) any { return a.column.value(&a.rows[i]) }

// IndexType implements [pgtype.ArrayGetter].
func (a array[R]) IndexType() any { return a.column.sample }

// roomyArrays is the codec of bytea[] with room made for the whole array at once: bodies are most of what is sent, and
// growing the buffer under them step by step would copy them several times.
type roomyArrays struct{ *pgtype.ArrayCodec }

// PlanEncode implements [pgtype.Codec].
func (c roomyArrays) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	plan := c.ArrayCodec.PlanEncode(m, oid, format, value)
	if getter, ok := value.(pgtype.ArrayGetter); ok && plan != nil {
		return roomyPlan{plan, getter}
	}
	return plan
}

type roomyPlan struct {
	pgtype.EncodePlan
	getter pgtype.ArrayGetter
}

// Encode implements [pgtype.EncodePlan].
func (p roomyPlan) Encode(value any, buf []byte) ([]byte, error) {
	const header, perElement = 64, 8
	size := header
	for _, d := range p.getter.Dimensions() {
		for i := range int(d.Length) {
			b, _ := p.getter.Index(i).([]byte)
			size += perElement + len(b)
		}
	}
	return p.EncodePlan.Encode(value, slices.Grow(buf, size))
}

// makeRoom registers [roomyArrays] with a connection.
func makeRoom(conn *pgx.Conn) {
	if bytea, ok := conn.TypeMap().TypeForOID(pgtype.ByteaOID); ok {
		conn.TypeMap().RegisterType(&pgtype.Type{
			Name: "_bytea", OID: pgtype.ByteaArrayOID, Codec: roomyArrays{&pgtype.ArrayCodec{ElementType: bytea}},
		})
	}
}
