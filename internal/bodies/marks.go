package bodies

import "github.com/dedupgate/dedupgate/internal/dedup"

// generation is how many marks are added before the oldest are forgotten.
const generation = 4096

// mark stands for a body that was offered for an event.
type mark struct {
	event dedup.ID
	hash  uint64
}

// marks remember the last offers, so that a body that comes again and again is written once. They hold one to two generations.
type marks struct {
	young, old map[mark]struct{}
}

func newMarks() marks { return marks{young: map[mark]struct{}{}} }

func (s *marks) has(m mark) bool {
	_, young := s.young[m]
	_, old := s.old[m]
	return young || old
}

func (s *marks) add(m mark) {
	if len(s.young) >= generation {
		s.young, s.old = map[mark]struct{}{}, s.young
	}
	s.young[m] = struct{}{}
}

func (s *marks) forget(m mark) {
	delete(s.young, m)
	delete(s.old, m)
}
