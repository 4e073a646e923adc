package deliverytest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// Memory is a store and its clerk in memory. The zero value is ready; it is safe for concurrent use.
type Memory struct {
	mu         sync.Mutex
	events     map[dedup.ID]*event
	deliveries map[dedup.ID]*kept
	seqs       map[runKey]int64
	paused     map[string]bool
}

var (
	_ Store = (*Memory)(nil)
	_ Clerk = (*Memory)(nil)
)

type runKey struct {
	source string
	run    dedup.RunRef
}

type event struct {
	Event
	seq    int64
	purged bool
}

type kept struct {
	Delivery
	delivery.Due
	event    *event
	replay   int
	forgiven int
	underWay int // the job whose attempt is under way
	attempts map[int]delivery.Attempt
}

// nobody: no job has an attempt under way.
const nobody = -1

// Begin implements [Store].
func (m *Memory) Begin(_ context.Context, claims []delivery.Claim) (begun delivery.Begun, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range claims {
		d := m.deliveries[c.Delivery]
		if d == nil {
			continue
		}
		if c.Again {
			d.giveUp(c.Job)
		}
		switch {
		case d.Delivery.Job != c.Job || d.State.Over() || d.State == delivery.Held:
		case d.underWay == nobody && m.paused[d.Destination]:
			begun.Waiting = append(begun.Waiting, c.Delivery)
		case d.underWay == nobody:
			d.State, d.Attempts, d.Next, d.underWay = delivery.Delivering, d.Attempts+1, time.Time{}, c.Job
			begun.Shipments = append(begun.Shipments, d.shipment())
		case d.underWay == c.Job:
			begun.Shipments = append(begun.Shipments, d.shipment())
		default:
			begun.Waiting = append(begun.Waiting, c.Delivery)
		}
	}
	return begun, nil
}

// SetPaused implements [Store].
func (m *Memory) SetPaused(_ context.Context, destination string, paused bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.paused == nil {
		m.paused = map[string]bool{}
	}
	if delete(m.paused, destination); paused {
		m.paused[destination] = true
	}
	return nil
}

// Paused implements [Store].
func (m *Memory) Paused(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.paused)), nil
}

// giveUp ends the attempt that a job has under way.
func (d *kept) giveUp(job int) {
	if d.underWay != job {
		return
	}
	d.attempts[d.Attempts] = delivery.Attempt{DeliveryID: d.ID, Number: d.Attempts, Error: "lost"}
	d.underWay = nobody
	if d.State == delivery.Delivering {
		d.State = delivery.Retrying
	}
}

// TakeOver implements [Clerk].
func (m *Memory) TakeOver(claims ...delivery.Claim) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range claims {
		d := m.deliveries[c.Delivery]
		if d.giveUp(c.Job); d.Delivery.Job == c.Job && (d.State == delivery.Pending || d.State == delivery.Retrying) {
			d.Delivery.Job++
			n++
		}
	}
	return n
}

func unique(ids []dedup.ID) []dedup.ID {
	seen := map[dedup.ID]bool{}
	return slices.DeleteFunc(slices.Clone(ids), func(id dedup.ID) bool {
		was := seen[id]
		seen[id] = true
		return was
	})
}

func (d *kept) shipment() delivery.Shipment {
	e := d.event
	due := d.Due
	due.Job = d.Delivery.Job
	s := delivery.Shipment{
		Due: due, Source: e.Source, Run: e.Run, EventType: e.Type, Generation: e.Generation, Seq: e.seq, Replay: d.replay,
		Attempt: d.Attempts, Forgiven: d.forgiven, CreatedAt: d.ID.Time(), ContentType: e.ContentType, BodyPurged: e.purged,
	}
	if !e.purged {
		s.Body = slices.Clone(e.Body)
	}
	return s
}

// Blocked implements [Store].
func (m *Memory) Blocked(_ context.Context, ids []dedup.ID) (blocked []dedup.ID, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range unique(ids) {
		if d := m.deliveries[id]; d != nil && m.waits(d) {
			blocked = append(blocked, id)
		}
	}
	return blocked, nil
}

func (m *Memory) waits(d *kept) bool {
	for _, front := range m.deliveries {
		e := front.event
		if front.Destination == d.Destination && front.replay == 0 && !front.State.Over() &&
			e.Source == d.event.Source && e.Run == d.event.Run && e.seq > 0 && e.seq < d.event.seq {
			return true
		}
	}
	return false
}

// Finish implements [Store].
func (m *Memory) Finish(_ context.Context, results []delivery.Result) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range results {
		d := m.deliveries[r.DeliveryID]
		if d == nil {
			continue
		}
		a := r.Attempt
		a.Error = strings.ReplaceAll(strings.ToValidUTF8(a.Error, "\uFFFD"), "\x00", "\uFFFD")
		a.Answer = a.Answer[:min(len(a.Answer), delivery.AnswerKept)]
		d.attempts[r.Number] = a
		newest := d.State == delivery.Delivering && d.Attempts == r.Number
		arrived := r.State == delivery.Delivered && d.State != delivery.Delivered && d.State != delivery.Cancelled
		if newest || arrived {
			d.State, d.LastStatus, d.LastError, d.Next = r.State, r.Status, a.Error, r.Next
			if r.State == delivery.Retrying {
				d.Delivery.Job++
			}
		}
		if d.Attempts == r.Number {
			d.underWay = nobody
		}
	}
	return nil
}

// Put implements [Clerk].
func (m *Memory) Put(e Event) (dedup.ID, []dedup.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.events == nil {
		m.events, m.deliveries, m.seqs = map[dedup.ID]*event{}, map[dedup.ID]*kept{}, map[runKey]int64{}
	}
	stored := &event{Event: e}
	if e.Run.ID != "" {
		key := runKey{e.Source, e.Run}
		m.seqs[key]++
		stored.seq = m.seqs[key]
	}
	id := dedup.NewID(e.ReceivedAt)
	m.events[id] = stored
	ids := make([]dedup.ID, len(e.Routes))
	for i, route := range e.Routes {
		ids[i] = m.add(id, route.Destination, 0)
		if route.Hold {
			m.deliveries[ids[i]].State = delivery.Held
		}
	}
	return id, ids
}

func (m *Memory) add(eventID dedup.ID, destination string, replay int) dedup.ID {
	e := m.events[eventID]
	d := &kept{
		Delivery: Delivery{State: delivery.Pending}, event: e, replay: replay, underWay: nobody, attempts: map[int]delivery.Attempt{},
		Due: delivery.Due{ID: dedup.NewID(e.ReceivedAt), EventID: eventID, Destination: destination},
	}
	m.deliveries[d.ID] = d
	return d.ID
}

// Purge implements [Clerk].
func (m *Memory) Purge(event dedup.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events[event].purged = true
}

// Replay implements [Clerk].
func (m *Memory) Replay(event dedup.ID, destination string) dedup.ID {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := 0
	for _, d := range m.deliveries {
		if d.EventID == event && d.Destination == destination {
			last = max(last, d.replay)
		}
	}
	return m.add(event, destination, last+1)
}

// Cancel implements [Clerk].
func (m *Memory) Cancel(id dedup.ID) {
	m.set(id, func(d *kept) { d.State, d.Next = delivery.Cancelled, time.Time{} })
}

// Retry implements [Clerk].
func (m *Memory) Retry(id dedup.ID) { m.set(id, (*kept).reopen) }

// Release implements [Clerk].
func (m *Memory) Release(id dedup.ID) { m.set(id, (*kept).reopen) }

func (d *kept) reopen() {
	d.State, d.forgiven, d.Next = delivery.Pending, d.Attempts, time.Time{}
	d.Delivery.Job++
}

func (m *Memory) set(id dedup.ID, change func(*kept)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m.deliveries[id])
}

// Delivery implements [Clerk].
func (m *Memory) Delivery(id dedup.ID) Delivery {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.deliveries[id].Delivery
}

// Attempts implements [Clerk].
func (m *Memory) Attempts(id dedup.ID) []delivery.Attempt {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Collect(maps.Values(m.deliveries[id].attempts))
	slices.SortFunc(list, func(a, b delivery.Attempt) int { return a.Number - b.Number })
	return list
}
