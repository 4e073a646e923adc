package forward

import (
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dedupgate/dedupgate/internal/delivery"
)

// Database is where the jobs are: one of the two, the pool of the ledger itself. On PostgreSQL one connection of the pool
// is kept for LISTEN.
type Database struct {
	Postgres *pgxpool.Pool
	SQLite   *sql.DB
}

func (d Database) valid() error {
	if (d.Postgres == nil) == (d.SQLite == nil) {
		return errors.New("forward: exactly one of the two databases is needed")
	}
	return nil
}

// Observer is told what metrics need. Its methods are called from many goroutines and must not block.
type Observer interface {
	// Attempted reports an attempt and the state that it left its delivery in.
	Attempted(destination string, state delivery.State, took time.Duration)
	// BreakerChanged reports the state of a destination's breaker in this process.
	BreakerChanged(destination string, state BreakerState)
}

// Options are what a Forwarder is made of.
type Options struct {
	Database Database
	Store    Store
	Observer Observer // nil: nobody is told
	Log      *slog.Logger
	Version  string // of the gateway, for the User-Agent
	// Busy reports that many senders wait for answers, which go first; nil: never.
	Busy func() bool

	// RescueAfter is how long a job may give no sign of life before it is taken from a process that has gone, however long
	// its attempt may take. Default 30 s; shorter than 3 s is for tests.
	RescueAfter time.Duration
	// WatchEvery is the time between two looks for jobs that nobody works. Default 15 s.
	WatchEvery time.Duration
	Breaker    Breaker
}

func (o Options) validate() error {
	switch {
	case o.Store == nil || o.Log == nil:
		return errors.New("forward: a store and a logger are needed")
	case o.RescueAfter < 0 || o.WatchEvery < 0 || o.Breaker.Wait < 0:
		return errors.New("forward: durations can't be negative")
	default:
		return o.Database.valid()
	}
}

// withDefaults returns the options with nothing left at zero.
func (o Options) withDefaults() Options {
	setDefault(&o.RescueAfter, 30*time.Second)
	setDefault(&o.WatchEvery, 15*time.Second)
	setDefault(&o.Breaker.Wait, 15*time.Second)
	setDefault(&o.Breaker.Failures, 10)
	setDefault(&o.Version, "dev")
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	return o
}

func setDefault[T comparable](option *T, value T) {
	var zero T
	if *option == zero {
		*option = value
	}
}

// nobody is the observer of those who want none.
type nobody struct{}

func (nobody) Attempted(string, delivery.State, time.Duration) {}
func (nobody) BreakerChanged(string, BreakerState)             {}
