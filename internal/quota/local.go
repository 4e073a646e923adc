package quota

import (
	"sync"
	"time"
)

// Local counts by key inside one process. It remembers at least the last Keys keys that were charged; a key that it has
// forgotten starts anew. Safe for concurrent use.
type Local struct {
	keys int

	mu sync.Mutex
	// Two generations: when the young one is full it becomes the old one, and the old one is forgotten. That costs nothing
	// at any size, also when an attacker brings a new key with each request.
	young, old map[string]int64 // key → when everything charged is paid off, Unix nanoseconds
}

// NewLocal remembers that many keys, and at most twice as many.
func NewLocal(keys int) *Local {
	return &Local{keys: keys, young: map[string]int64{}, old: map[string]int64{}}
}

// Take charges up to n to the key. It gives how many are allowed and, if not all are, how long the next has to wait. A
// quota without a limit allows all.
func (l *Local) Take(key string, q Quota, n int, now time.Time) (allowed int, wait time.Duration) {
	if q.IsZero() {
		return n, 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	allowed, next, wait := q.take(l.full(key), now.UnixNano(), n)
	if allowed > 0 {
		l.remember(key, next)
	}
	return allowed, wait
}

// Wait is how long the key has to wait for its next one; nothing is charged.
func (l *Local) Wait(key string, q Quota, now time.Time) time.Duration {
	if q.IsZero() {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _, wait := q.take(l.full(key), now.UnixNano(), 1)
	return wait
}

// Len is the number of keys remembered.
func (l *Local) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.young) + len(l.old)
}

func (l *Local) full(key string) int64 {
	if at, ok := l.young[key]; ok {
		return at
	}
	return l.old[key]
}

func (l *Local) remember(key string, at int64) {
	if _, known := l.young[key]; !known && len(l.young) >= l.keys {
		l.old, l.young = l.young, make(map[string]int64)
	}
	l.young[key] = at
}
