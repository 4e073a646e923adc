package ledger

import (
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

// selected puts what was selected into the words of an audit entry.
type selected struct{ words []string }

func (s *selected) add(name, value string) {
	if value != "" {
		s.words = append(s.words, name+"="+value)
	}
}

func (s *selected) addRange(r view.Range) {
	if !r.Since.IsZero() {
		s.add("since", r.Since.UTC().Format(time.RFC3339))
	}
	if !r.Until.IsZero() {
		s.add("until", r.Until.UTC().Format(time.RFC3339))
	}
}

func (s *selected) String() string {
	if len(s.words) == 0 {
		return "all"
	}
	return strings.Join(s.words, " ")
}

func describe(sel view.DeliverySelection) string {
	var s selected
	s.add("ids", strings.Join(sel.IDs, ","))
	s.add("destination", sel.Destination)
	s.add("state", sel.State)
	s.add("source", sel.Source)
	s.add("run", sel.RunID)
	s.add("event", sel.EventID)
	s.addRange(sel.Range)
	return s.String()
}

func describeReplay(sel view.ReplaySelection) string {
	var s selected
	s.add("events", strings.Join(sel.EventIDs, ","))
	s.add("run", sel.RunID)
	s.add("types", strings.Join(sel.Types, ","))
	s.add("source", sel.Source)
	s.add("destination", sel.Destination)
	s.addRange(sel.Range)
	return s.String()
}
