package storm

import (
	"math/rand/v2"
	"time"
)

// A script is all that happens to one run. It follows from the storm's seed and the run's number alone.
type script struct {
	runID    string
	actorID  string
	taskID   string // "" when the run was started without a task
	events   []happening
	sequence []int // indexes of events in the order in which they are first sent
}

// A happening is one event of a run, or a TEST beside it. A script lists them in the order in which they happened, which is
// the order of their versions: a run shows the status of the last of them that has arrived.
type happening struct {
	eventType  string
	status     string // what the run shows because of it; "" for a TEST
	life       int    // how often the run had been resurrected
	at         time.Time
	finished   bool     // an end: at is its finishedAt
	dispatches []string // the id that each webhook gave it
	together   bool     // the webhooks tell it at the same instant
	repeats    []int    // how often each dispatch comes again although it was answered
}

func (h *happening) isTest() bool { return h.status == "" }

const (
	typeTest    = "TEST"
	typePrefix  = "ACTOR.RUN."
	created     = "CREATED"
	resurrected = "RESURRECTED"
)

// planner writes scripts.
type planner struct {
	seed     uint64
	webhooks int
	mix      Mix
	epoch    time.Time // about when everything happens
}

// script writes the script of run number n.
func (p *planner) script(n int) *script {
	r := rand.New(rand.NewPCG(p.seed, uint64(n)))
	s := &script{runID: id(r), actorID: id(r)}
	if r.IntN(2) == 0 {
		s.taskID = id(r)
	}
	at := p.epoch.Add(time.Duration(r.IntN(60_000)) * time.Millisecond)
	webhooks := 1 + r.IntN(p.webhooks)
	tell := func(eventType, status string, life, webhooks int) {
		at = at.Add(time.Duration(1+r.IntN(60_000)) * time.Millisecond)
		s.events = append(s.events, p.happening(r, happening{
			eventType: eventType, status: status, life: life, at: at,
			finished: status != "" && status != created && status != resurrected,
		}, webhooks))
	}
	endsOnly := r.Float64() < p.mix.EndsOnly
	if !endsOnly {
		tell(typePrefix+created, created, 0, webhooks)
	}
	for life := range 1 + p.resurrections(r) {
		if life > 0 && !endsOnly {
			tell(typePrefix+resurrected, resurrected, life, webhooks)
		}
		end := ending(r)
		tell(typePrefix+end, end, life, webhooks)
	}
	if r.Float64() < p.mix.Tests {
		tell(typeTest, "", 0, 1)
	}
	for i := range s.events {
		s.sequence = append(s.sequence, i)
	}
	if !endsOnly && r.Float64() < p.mix.LateCreated {
		s.sequence[0], s.sequence[1] = 1, 0
	}
	return s
}

func (p *planner) happening(r *rand.Rand, h happening, webhooks int) happening {
	h.together = r.Float64() < p.mix.Together
	for range webhooks {
		h.dispatches = append(h.dispatches, id(r))
		repeats := 0
		if r.Float64() < p.mix.Repeated {
			repeats = 1 + r.IntN(2)
		}
		h.repeats = append(h.repeats, repeats)
	}
	return h
}

func (p *planner) resurrections(r *rand.Rand) int {
	switch share := r.Float64(); {
	case share < p.mix.Resurrected/3:
		return 2
	case share < p.mix.Resurrected:
		return 1
	default:
		return 0
	}
}

// ending draws how a life of a run ends: mostly well.
func ending(r *rand.Rand) string {
	switch n := r.IntN(100); {
	case n < 80:
		return "SUCCEEDED"
	case n < 88:
		return "FAILED"
	case n < 94:
		return "ABORTED"
	default:
		return "TIMED_OUT"
	}
}

// id draws 17 letters and digits, the form of Apify's ids.
func id(r *rand.Rand) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 17)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}
