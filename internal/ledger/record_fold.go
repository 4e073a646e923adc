package ledger

import (
	"cmp"
	"slices"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// claimant is the first entry of a batch with its event key: the event's first, should the database not know the key.
type claimant struct {
	first *dedup.Entry
	twins int64 // further entries with the key
	run   *run  // nil when the event moves none
	row   eventRow
	found dedup.Found
}

// runKey names a run; its order is the order in which run rows are locked.
type runKey struct {
	source string
	kind   dedup.Kind
	id     string
}

func (k runKey) compare(o runKey) int {
	return cmp.Or(cmp.Compare(k.source, o.source), cmp.Compare(k.kind, o.kind), cmp.Compare(k.id, o.id))
}

// run is a run that events of the batch may move.
type run struct {
	key       runKey
	claimants []*claimant // in the order of the batch, which is the order of their seq
	row       runRow      // before the batch; for a run that is new to the database after it
	isNew     bool
}

// fold finds out what the batch is about: one claimant a key, one run, one quarantined body, each list in the order in
// which every batch takes its locks.
func (r *recording) fold() {
	events := make(map[dedup.Key]*claimant, len(r.batch))
	runs := make(map[runKey]*run)
	bodies := make(map[keptKey]*kept)
	for i, e := range r.batch {
		switch {
		case e.Quarantine != nil:
			r.subjects[i].body = r.foldQuarantined(bodies, e)
		case e.Known:
		case events[e.Key] != nil:
			events[e.Key].twins++
			r.subjects[i].event = events[e.Key]
		default:
			c := &claimant{first: e}
			events[e.Key], r.subjects[i].event = c, c
			r.claimants = append(r.claimants, c)
			r.foldRun(runs, c)
		}
	}
	slices.SortFunc(r.claimants, func(a, b *claimant) int { return a.first.Key.Compare(b.first.Key) })
	slices.SortFunc(r.runs, func(a, b *run) int { return a.key.compare(b.key) })
	slices.SortFunc(r.quarantined, func(a, b *kept) int { return a.key.compare(b.key) })
}

func (r *recording) foldRun(runs map[runKey]*run, c *claimant) {
	in := c.first.Inbound
	if !in.MovesRun() {
		return
	}
	key := runKey{in.Key.Source, in.Run.Kind, in.Run.ID}
	rn := runs[key]
	if rn == nil {
		rn = &run{key: key}
		runs[key] = rn
		r.runs = append(r.runs, rn)
	}
	rn.claimants = append(rn.claimants, c)
	c.run = rn
}
