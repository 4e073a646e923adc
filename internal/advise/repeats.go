package advise

import "fmt"

const (
	// manyRepeats is how many duplicates of one kind are worth a sentence.
	manyRepeats = 20
	// manyLate is the share of repeats that Redis may miss before it is worth one, manyUnreadable that of requests.
	manyLate       = 0.1
	manyUnreadable = 0.05
)

// Repeats counts what came from a source.
type Repeats struct {
	Source               string
	Retry, Twin, Unknown int64 // duplicates by kind
	Late                 int64 // duplicates that only the database caught
	Quarantined          int64
	Receipts             int64
}

func (r *Repeats) duplicates() int64 { return r.Retry + r.Twin + r.Unknown }

// Twins says what to do when most duplicates are twins: "" when they are not.
func (r *Repeats) Twins() string {
	all := r.duplicates()
	if r.Twin < manyRepeats || 2*r.Twin <= all {
		return ""
	}
	return fmt.Sprintf("%s of the duplicates of %s are twins: two webhooks cover the same events. Look for a webhook on the Actor and another "+
		"on its task, or for two integrations with the same URL, and delete one.", Percent(share(r.Twin, all)), r.Source)
}

// Unknowns says what to do when most duplicates can't be told apart: "" when they can.
func (r *Repeats) Unknowns() string {
	all := r.duplicates()
	if r.Unknown < manyRepeats || 2*r.Unknown <= all {
		return ""
	}
	return fmt.Sprintf("%s of the duplicates of %s came without a dispatch id, so retries can't be told from twins. "+
		"A proxy may be dropping the header X-Apify-Webhook-Dispatch-Id.", Percent(share(r.Unknown, all)), r.Source)
}

// LateHits says what to do when Redis misses many repeats: "" when it does not.
func (r *Repeats) LateHits() string {
	all := r.duplicates()
	if r.Late < manyRepeats || share(r.Late, all) < manyLate {
		return ""
	}
	return fmt.Sprintf("%s of the duplicates of %s were caught by the database only: the window is too short for them, "+
		"or Redis was away or was emptied.",
		Percent(share(r.Late, all)), r.Source)
}

// Unreadable says what to do when many requests go to quarantine: "" when they don't.
func (r *Repeats) Unreadable() string {
	if r.Quarantined < manyRepeats || share(r.Quarantined, r.Receipts) < manyUnreadable {
		return ""
	}
	return fmt.Sprintf("%s of the requests of %s can't be read and are in quarantine: look at one for what its payload template lacks.",
		Percent(share(r.Quarantined, r.Receipts)), r.Source)
}

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}
