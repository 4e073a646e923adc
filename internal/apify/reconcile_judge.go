package apify

import (
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/view"
)

// judgement says how an event of Apify's relates to the record.
type judgement uint8

const (
	absent       judgement = iota
	onRecord               // its key, or its dispatch
	displaced              // its key, by a request that Apify has not confirmed
	undecided              // its key, by a request that is still to be looked up and may well be the true one
	indistinct             // an event of the same run and type, and nothing that tells the two apart
	unidentified           // it has no key
)

// question is an event of Apify's that is looked for on record.
type question struct {
	in        *dedup.Inbound
	eventType string // as Apify has it; a template may have dropped it
	webhookID string // of its dispatch; "" when none tells of it
	// dispatches are those known by id: what they were about, a template may have dropped too.
	dispatches map[string]*listed
	now        time.Time
}

// judge looks for the event among those of its run and those with its key. Where nothing tells two of them apart they count as
// one: rather an event too few, told by the report, than one twice. What Apify has not confirmed counts as not told, unless it
// may be confirmed yet: who only invents requests must not be able to keep the question open.
func (q *question) judge(events []view.Event) judgement {
	if q.in.Quarantine != nil {
		return unidentified
	}
	j := absent
	for i := range events {
		e := &events[i]
		same := e.Key == q.in.Key.Event
		isIt := same || q.in.DispatchID != "" && e.DispatchID == q.in.DispatchID
		inTime := same && q.now.Sub(e.ReceivedAt) < settling
		switch {
		case isIt && e.Doubt == "":
			return onRecord
		case isIt && e.Doubt == view.DoubtWaiting && (inTime || q.isTold(e)):
			return undecided
		case e.Doubt == view.DoubtUnverified, e.Doubt == view.DoubtWaiting && !q.isTold(e):
			if same && j == absent {
				j = displaced
			}
		case q.mayBe(e):
			j = indistinct
		}
	}
	return j
}

// isTold reports an event that was told under the dispatch asked about, or under that of another webhook for the same: its
// look-up is likely to confirm it.
func (q *question) isTold(e *view.Event) bool {
	if q.in.DispatchID != "" && e.DispatchID == q.in.DispatchID {
		return true
	}
	d := q.dispatches[e.DispatchID]
	return d != nil && d.EventType == q.eventType && d.run.ID == q.in.Run.ID
}

// mayBe reports an event that can't be told from the one looked for.
func (q *question) mayBe(e *view.Event) bool {
	if q.in.Run.ID == "" || e.RunID != q.in.Run.ID || e.Kind != string(q.in.Run.Kind) {
		return false
	}
	eventType := e.Type
	if told := q.dispatches[e.DispatchID]; told != nil {
		if told.WebhookID == q.webhookID {
			return false // one webhook tells an event in one dispatch, and this is another
		}
		eventType = told.EventType
	}
	if eventType != "" && eventType != q.eventType {
		return false
	}
	return e.Generation == "" || q.in.Generation == ""
}
