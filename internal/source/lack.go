package source

import "github.com/dedupgate/dedupgate/internal/dedup"

// lack is what a request without a dispatch id would need to be told from others. Its text goes to the sender, who reads it
// in Apify's dispatch log, so it says what to do and holds nothing of the payload.
type lack struct {
	what string
	fix  string // another way than the dispatch id; "" when there is none
}

func (l lack) quarantine() *dedup.Quarantine {
	message := "This request can't be told from others: it has no usable " + headerDispatchID + " header, and " + l.what +
		". Let the header through any proxy on the way"
	if l.fix != "" {
		message += ", or " + l.fix
	}
	return &dedup.Quarantine{Reason: dedup.ReasonNoIdentity, Message: message + "."}
}

func lackForTest() lack { return lack{what: "a TEST has nothing else that tells it apart"} }

func lackForRun(f *facts) lack {
	if f.uninterpolated() {
		return lack{
			"its body holds a template variable where an id should be",
			"write {{resource.id}} without quotes in the payload template, or turn on its string interpolation",
		}
	}
	return lack{"its body holds no run or build id", "keep eventData or resource in the payload template"}
}

func lackForGeneration(eventType string, c class) lack {
	const keepResource = "keep resource in the payload template"
	switch {
	case eventType == "":
		return lack{"its body holds no eventType", "keep eventType in the payload template"}
	case c.status == "":
		return lack{"its eventType is not known to this version", "set identity.without_generation of this source to single"}
	case c.status == dedup.StatusResurrected:
		return lack{"its body lacks resource.stats.resurrectCount, which tells one resurrection from the next", keepResource}
	default:
		return lack{"its body lacks resource.finishedAt, which tells one end of a run from the next", keepResource}
	}
}
