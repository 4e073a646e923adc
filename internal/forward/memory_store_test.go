package forward

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the ledger's driver

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// memoryStore is a store of deliveries in memory, for what the worker decides. The real one is tested with this package in
// internal/app.
type memoryStore struct {
	mu      sync.Mutex
	rows    map[dedup.ID]*row
	results []delivery.Result
	down    error // what all calls answer while it is not nil
	begins  int   // calls of Begin
	open    int   // deliveries that are not over
	changed chan struct{}
	paused  map[string]bool
	// inTx makes jobs, and takes those of processes that have gone, in one transaction.
	inTx func(take []delivery.LostJob, due func([]delivery.Claim) []delivery.Due) error
}

type row struct {
	delivery.Shipment
	state    delivery.State
	next     time.Time
	underWay *int // the job whose attempt is under way
}

// giveUp ends the attempt that a job has under way.
func (r *row) giveUp(job int) {
	if r.underWay != nil && *r.underWay == job {
		r.underWay, r.state = nil, delivery.Retrying
	}
}

func newMemoryStore() *memoryStore {
	return &memoryStore{rows: map[dedup.ID]*row{}, paused: map[string]bool{}, changed: make(chan struct{})}
}

func (s *memoryStore) Begin(_ context.Context, claims []delivery.Claim) (begun delivery.Begun, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begins++
	if s.down != nil {
		return begun, s.down
	}
	for _, c := range slices.Backward(claims) { // in any order, says the contract
		r := s.rows[c.Delivery]
		if r == nil || r.Job != c.Job || r.state.Over() || r.state == delivery.Held {
			continue
		}
		if c.Again {
			r.giveUp(c.Job)
		}
		if r.underWay != nil || s.paused[r.Destination] {
			begun.Waiting = append(begun.Waiting, c.Delivery)
			continue
		}
		r.state, r.underWay = delivery.Delivering, &c.Job
		r.Attempt++
		begun.Shipments = append(begun.Shipments, r.Shipment)
	}
	return begun, nil
}

// SetPaused implements [Store].
func (s *memoryStore) SetPaused(_ context.Context, destination string, paused bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused[destination] = paused
	return s.down
}

// Paused implements [Store].
func (s *memoryStore) Paused(context.Context) (names []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, paused := range s.paused {
		if paused {
			names = append(names, name)
		}
	}
	return names, s.down
}

// TakeOver implements [Store].
func (s *memoryStore) TakeOver(_ context.Context, lost []delivery.LostJob) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return 0, s.down
	}
	err = s.inTx(lost, func(claims []delivery.Claim) (due []delivery.Due) {
		for _, c := range claims {
			r := s.rows[c.Delivery]
			if r.giveUp(c.Job); r.Job == c.Job && !r.state.Over() {
				r.Job++
				due = append(due, r.Due)
			}
		}
		n = len(due)
		return due
	})
	return n, err
}

func (s *memoryStore) Blocked(_ context.Context, ids []dedup.ID) (blocked []dedup.ID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return nil, s.down
	}
	for _, id := range ids {
		for _, other := range s.rows {
			mine := s.rows[id]
			if other.Run == mine.Run && other.Destination == mine.Destination && other.Seq < mine.Seq && !other.state.Over() {
				blocked = append(blocked, id)
				break
			}
		}
	}
	return blocked, nil
}

func (s *memoryStore) Finish(_ context.Context, results []delivery.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return s.down
	}
	var again []delivery.Due
	for _, r := range results {
		s.results = append(s.results, r)
		of := s.rows[r.DeliveryID]
		if r.State.Over() && !of.state.Over() {
			s.open--
		}
		moves := of.state == delivery.Delivering || r.State == delivery.Delivered
		if of.underWay = nil; !moves {
			continue
		}
		of.state, of.next = r.State, r.Next
		if r.State == delivery.Retrying {
			of.Job++
			due := of.Due
			due.At = r.Next
			again = append(again, due)
		}
	}
	if len(again) > 0 {
		if err := s.inTx(nil, func([]delivery.Claim) []delivery.Due { return again }); err != nil {
			return err
		}
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// fail lets all calls fail until it is called with nil.
func (s *memoryStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

func (s *memoryStore) add(shipments ...delivery.Shipment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sh := range shipments {
		s.rows[sh.ID] = &row{Shipment: sh, state: delivery.Pending}
		s.open++
	}
}

func (s *memoryStore) state(id dedup.ID) delivery.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows[id].state
}

// reopen is what an operator does who calls a delivery off and takes it up again.
func (s *memoryStore) reopen(id dedup.ID) delivery.Shipment {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows[id]
	r.state = delivery.Pending
	r.Job++
	return r.Shipment
}

// attempts returns the results of a delivery, in order.
func (s *memoryStore) attempts(id dedup.ID) (all []delivery.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.results {
		if r.DeliveryID == id {
			all = append(all, r)
		}
	}
	return all
}

// counts returns how many deliveries are in each state.
func (s *memoryStore) counts() map[delivery.State]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := map[delivery.State]int{}
	for _, r := range s.rows {
		n[r.state]++
	}
	return n
}

// settled waits until all deliveries are over, and fails the test when that takes too long.
func (s *memoryStore) settled(t testing.TB, within time.Duration) {
	t.Helper()
	deadline := time.After(within)
	for {
		s.mu.Lock()
		changed, open := s.changed, s.open
		s.mu.Unlock()
		if open == 0 {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%d deliveries are not over after %s: %v", open, within, s.counts())
		}
	}
}

var errDown = errors.New("the database is down")
