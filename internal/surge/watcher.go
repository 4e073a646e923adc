package surge

import (
	"cmp"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/quota"
)

// By says what a storm has in common.
type By string

// What storms are looked for by.
const (
	ByRun      By = "run"      // repeats about one run or build
	ByDispatch By = "dispatch" // repeats of one dispatch: the sender does not take the answer
	BySource   By = "source"   // all repeats of a source, of which a storm has many times more
)

// Bys lists them.
func Bys() []By { return []By{ByRun, ByDispatch, BySource} }

// Their places in the list.
const (
	runs = iota
	dispatches
	sources
	kinds
)

const (
	// slices of the window: the oldest is forgotten at once.
	sliceCount = 6
	// kept is how many names of each kind are counted in a slice.
	kept = 256
	// ofSource is how many times more repeats make a storm of a source than one of a run: every run's twins are its.
	ofSource = 50
)

// Storm is something that is repeated faster than it should.
type Storm struct {
	By      By
	Source  string
	Name    string // of the run or dispatch; "" by source
	Repeats int    // within the last period of the rate, at least (the period's first sixth may be left out)
	Since   time.Time
}

// Watcher counts repeats and says where there is a storm. Safe for concurrent use.
type Watcher struct {
	mu       sync.Mutex
	rate     quota.Quota
	seed     maphash.Seed // of the names' hashes; never changes
	slices   [sliceCount][kinds]counters
	at       int // the slice that is written
	ends     time.Time
	underWay map[key]time.Time // storms, and since when
}

type key struct {
	by   By
	name name
}

// NewWatcher looks for more repeats of a run or dispatch than the rate; a rate of zero finds nothing.
func NewWatcher(rate quota.Quota) *Watcher {
	return &Watcher{rate: rate, seed: maphash.MakeSeed(), underWay: map[key]time.Time{}}
}

// SetRate changes the rate. Counting starts anew when the period changes.
func (w *Watcher) SetRate(rate quota.Quota) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if rate.Per != w.rate.Per {
		w.forget()
	}
	w.rate = rate
}

// Repeat counts one duplicate; run and dispatch may be empty.
func (w *Watcher) Repeat(source, run, dispatch string, now time.Time) {
	ofSource := maphash.String(w.seed, source)
	ofRun, ofDispatch := ofSource+maphash.String(w.seed, run), ofSource+maphash.String(w.seed, dispatch)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rate.IsZero() {
		return
	}
	w.turn(now)
	slice := &w.slices[w.at]
	slice[sources].add(name{source, ""}, ofSource)
	if run != "" {
		slice[runs].add(name{source, run}, ofRun)
	}
	if dispatch != "" {
		slice[dispatches].add(name{source, dispatch}, ofDispatch)
	}
}

// Look gives the storms under way, the largest first, and those that began or ended since the last look.
func (w *Watcher) Look(now time.Time) (storms, began, ended []Storm) {
	w.mu.Lock()
	defer w.mu.Unlock()
	storms = w.find(now)
	found := map[key]bool{}
	for _, s := range storms {
		k := key{s.By, name{s.Source, s.Name}}
		found[k] = true
		if _, old := w.underWay[k]; !old {
			w.underWay[k] = now
			began = append(began, s)
		}
	}
	for k, since := range w.underWay {
		if !found[k] {
			ended = append(ended, Storm{By: k.by, Source: k.name.source, Name: k.name.id, Since: since})
			delete(w.underWay, k)
		}
	}
	sortStorms(ended)
	return storms, began, ended
}

// UnderWay gives the storms under way, the largest first. It does not count as a look.
func (w *Watcher) UnderWay(now time.Time) []Storm {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.find(now)
}

func (w *Watcher) find(now time.Time) []Storm {
	if w.rate.IsZero() {
		return nil
	}
	w.turn(now)
	var storms []Storm
	for kind, by := range Bys() {
		for n, repeats := range w.count(kind) {
			if repeats <= w.threshold(by) {
				continue
			}
			since, known := w.underWay[key{by, n}]
			if !known {
				since = now
			}
			storms = append(storms, Storm{By: by, Source: n.source, Name: n.id, Repeats: repeats, Since: since})
		}
	}
	sortStorms(storms)
	return storms
}

func sortStorms(storms []Storm) {
	slices.SortFunc(storms, func(a, b Storm) int {
		return cmp.Or(cmp.Compare(b.Repeats, a.Repeats), cmp.Compare(a.By, b.By), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Name, b.Name))
	})
}

func (w *Watcher) threshold(by By) int {
	if by == BySource {
		return w.rate.Count * ofSource
	}
	return w.rate.Count
}

// count sums up the window, without what may be another name's.
func (w *Watcher) count(kind int) map[name]int {
	sums := map[name]int{}
	for i := range w.slices {
		for _, r := range w.slices[i][kind].heap {
			sums[r.counter.name] += r.counter.count - r.counter.surplus
		}
	}
	return sums
}

// turn goes on to the slice of now and forgets those that have left the window.
func (w *Watcher) turn(now time.Time) {
	length := w.rate.Per / sliceCount
	if w.ends.IsZero() || now.Sub(w.ends) >= w.rate.Per {
		w.forget()
		w.ends = now.Add(length)
		return
	}
	for !now.Before(w.ends) {
		w.at = (w.at + 1) % sliceCount
		w.clear(w.at)
		w.ends = w.ends.Add(length)
	}
}

func (w *Watcher) forget() {
	for i := range w.slices {
		w.clear(i)
	}
	w.ends = time.Time{}
}

func (w *Watcher) clear(slice int) {
	for kind := range w.slices[slice] {
		w.slices[slice][kind].clear()
	}
}
