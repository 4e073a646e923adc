// Package deliverytest says what a store of deliveries has to do, as tests that run against any store, and has one in
// memory that passes them. Only tests import it.
package deliverytest

import (
	"context"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// Store is what the forwarder asks of it, word for word.
type Store interface {
	Begin(ctx context.Context, claims []delivery.Claim) (delivery.Begun, error)
	Blocked(ctx context.Context, ids []dedup.ID) ([]dedup.ID, error)
	Finish(ctx context.Context, results []delivery.Result) error
	SetPaused(ctx context.Context, destination string, paused bool) error
	Paused(ctx context.Context) ([]string, error)
}

// Clerk puts deliveries into a store and looks at them, as receiving and operators do.
type Clerk interface {
	// Put stores an event and its deliveries, in the order of its routes. The events of a run are numbered as they come.
	Put(e Event) (event dedup.ID, deliveries []dedup.ID)
	// Purge takes an event's body.
	Purge(event dedup.ID)
	// Replay makes a further delivery of an event.
	Replay(event dedup.ID, destination string) dedup.ID
	// Cancel, Retry and Release are what an operator does to one delivery.
	Cancel(delivery dedup.ID)
	Retry(delivery dedup.ID)
	Release(delivery dedup.ID)
	// TakeOver has the jobs that could make these claims taken from their processes, and returns how many deliveries go on.
	TakeOver(claims ...delivery.Claim) int
	// Delivery and Attempts look at one; attempts come in order.
	Delivery(id dedup.ID) Delivery
	Attempts(id dedup.ID) []delivery.Attempt
}

// Event is what is put in.
type Event struct {
	Source      string
	Run         dedup.RunRef // zero: the event moves no run
	Type        string
	Generation  string
	ContentType string
	Body        []byte
	ReceivedAt  time.Time
	Routes      []delivery.Route
}

// Delivery is what a store keeps of a delivery.
type Delivery struct {
	State      delivery.State
	Attempts   int
	LastStatus int
	LastError  string
	Next       time.Time
	Job        int // number of the newest job
}

// Fixture is one store under test.
type Fixture struct {
	Store Store
	Clerk Clerk
}
