package app

import (
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/config"
)

// settings remembers which configurations were in force since when, for operators who ask what has changed. Safe for
// concurrent use.
type settings struct {
	mu   sync.Mutex
	past []inForce // oldest first, never empty after the first put
}

type inForce struct {
	config *config.Config
	since  time.Time
}

// pastKept is how many configurations are remembered.
const pastKept = 50

func (s *settings) put(c *config.Config, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.past = append(s.past, inForce{c, now.UTC()})
	if len(s.past) > pastKept {
		s.past = append([]inForce{}, s.past[1:]...)
	}
}

// since is when the configuration in force came into force.
func (s *settings) since() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.past[len(s.past)-1].since
}

// windowSince is when the window and lease in force for an event type of a source came into force.
func (s *settings) windowSince(source, eventType string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := len(s.past) - 1
	window, lease, _ := windowIn(s.past[at].config, source, eventType)
	for ; at > 0; at-- {
		w, l, ok := windowIn(s.past[at-1].config, source, eventType)
		if !ok || w != window || l != lease {
			break
		}
	}
	return s.past[at].since
}

// windowIn is the window and lease of a source that is configured.
func windowIn(c *config.Config, source, eventType string) (window, lease time.Duration, ok bool) {
	for _, s := range c.Sources {
		if s.Name == source {
			window, lease = c.Window(s, eventType)
			return window, lease, true
		}
	}
	return 0, 0, false
}
