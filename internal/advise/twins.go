package advise

import "fmt"

// manyRepeats is how many duplicates of one kind are worth a sentence.
const manyRepeats = 20

// Repeats counts a source's duplicates by kind.
type Repeats struct {
	Source               string
	Retry, Twin, Unknown int64
}

// Twins says what to do when most duplicates are twins: "" when they are not.
func (r Repeats) Twins() string {
	all := r.Retry + r.Twin + r.Unknown
	if r.Twin < manyRepeats || 2*r.Twin <= all {
		return ""
	}
	return fmt.Sprintf("%s of the duplicates of %s are twins: two webhooks cover the same events. Look for a webhook on the Actor and another "+
		"on its task, or for two integrations with the same URL, and delete one.", Percent(float64(r.Twin)/float64(all)), r.Source)
}

// Unknowns says what to do when most duplicates can't be told apart: "" when they can.
func (r Repeats) Unknowns() string {
	all := r.Retry + r.Twin + r.Unknown
	if r.Unknown < manyRepeats || 2*r.Unknown <= all {
		return ""
	}
	return fmt.Sprintf("%s of the duplicates of %s came without a dispatch id, so retries can't be told from twins. "+
		"A proxy may be dropping the header X-Apify-Webhook-Dispatch-Id.", Percent(float64(r.Unknown)/float64(all)), r.Source)
}
