package forward

import (
	"errors"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// mostInBundle bounds the deliveries of one job: what a process has taken is not shared with others.
const mostInBundle = 16

// bundle is a job that is about to be made.
type bundle struct {
	job
	queue string
	at    time.Time // zero: now
}

// bundleKey is what deliveries of one job have in common.
type bundleKey struct {
	queue  string
	number int
	at     time.Time
}

// bundles puts deliveries that are made at the same time into few jobs: a job costs as much as its delivery.
func (f *Forwarder) bundles(due []delivery.Due) []bundle {
	list := make([]bundle, 0, len(due)/mostInBundle+4)
	open := make(map[bundleKey]int, 4)
	now := f.routes.Load()
	for _, d := range due {
		key := bundleKey{d.Destination, d.Job, d.At}
		i, ok := open[key]
		if !ok || len(list[i].DeliveryIDs) >= now.together(d.Destination) {
			i = len(list)
			open[key] = i
			list = append(list, bundle{job: job{Number: d.Job}, queue: d.Destination, at: d.At})
		}
		list[i].DeliveryIDs = append(list[i].DeliveryIDs, d.ID.String())
	}
	return list
}

// together is how many deliveries to a destination one job may have: one where each waits for its own reasons.
func (r *routes) together(destination string) int {
	if d := r.byName[destination]; d != nil && (d.Ordered || d.Rate > 0) {
		return 1
	}
	return mostInBundle
}

// claims are those of a job, which was worked before or not.
func (j job) claims(again bool) ([]delivery.Claim, error) {
	if len(j.DeliveryIDs) == 0 {
		return nil, errors.New("the job is about no delivery")
	}
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
