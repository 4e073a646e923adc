package view

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// MaxLimit is the largest page; DefaultLimit the one used for 0.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// Errors of queries.
var (
	ErrNotFound  = errors.New("not found")
	ErrBadCursor = errors.New("bad cursor: pass the 'next' of an earlier page unchanged")
	// ErrAmbiguous: a run id without its source and kind names several runs.
	ErrAmbiguous = errors.New("several runs have this id: name the source and the kind too")
)

// Range selects by time of receipt: Since inclusive, Until exclusive; zero means open.
type Range struct {
	Since time.Time
	Until time.Time
}

// Paging selects a page, newest first.
type Paging struct {
	Limit  int
	Cursor string
}

// RunQuery selects runs; empty fields don't restrict. Listed, and ranged, by the time they were first seen, which never
// changes: a run that gets another event while somebody pages stays where it is.
type RunQuery struct {
	Range
	Paging
	Source, Kind, RunID, Status, ActorID, TaskID string
}

// EventQuery selects events; empty fields don't restrict.
type EventQuery struct {
	Range
	Paging
	Source, Type, Kind, RunID, DispatchID string
}

// ReceiptQuery selects receipts; empty fields don't restrict.
type ReceiptQuery struct {
	Range
	Paging
	Source, Outcome, Reason, Repeat, EventID string
}

// QuarantineQuery selects quarantined requests; empty fields don't restrict. Listed, and ranged, by the time they were
// first seen, which never changes.
type QuarantineQuery struct {
	Range
	Paging
	Source, Reason string
	// Replayed: nil for all, else only those that were or were not replayed.
	Replayed *bool
}

// Cursor is a place in a listing that is ordered by time, then by a tie-breaking text, both descending.
type Cursor struct {
	At  time.Time
	Tie string
}

// Encode gives the opaque text that clients pass back.
func (c Cursor) Encode() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(c.At.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(b, c.Tie...))
}

// DecodeCursor reads what [Cursor.Encode] wrote; "" is the start. Any other text is [ErrBadCursor].
func DecodeCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < 8 {
		return Cursor{}, ErrBadCursor
	}
	return Cursor{At: time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC(), Tie: string(b[8:])}, nil
}

// ClampLimit applies the default and the maximum.
func ClampLimit(n int) int {
	if n <= 0 {
		return DefaultLimit
	}
	return min(n, MaxLimit)
}
