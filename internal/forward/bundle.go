package forward

import (
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// bundle is a job that is about to be made.
type bundle struct {
	job
	queue string
	at    time.Time // zero: now
}

// bundles puts deliveries into jobs.
func (f *Forwarder) bundles(due []delivery.Due) []bundle {
	list := make([]bundle, len(due))
	for i, d := range due {
		list[i] = bundle{job: job{DeliveryIDs: []string{d.ID.String()}, Number: d.Job}, queue: d.Destination, at: d.At}
	}
	return list
}

// claims are those of a job, which was worked before or not.
func (j job) claims(again bool) ([]delivery.Claim, error) {
	list := make([]delivery.Claim, len(j.DeliveryIDs))
	for i, text := range j.DeliveryIDs {
		id, err := dedup.ParseID(text)
		if err != nil {
			return nil, err
		}
		list[i] = delivery.Claim{Delivery: id, Job: j.Number, Again: again}
	}
	return list, nil
}
