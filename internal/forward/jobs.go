package forward

import (
	"context"
	"fmt"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// jobs is what we ask River's table ourselves, because River can't: it rescues by age only and not oftener than every half
// minute, and tells nothing about the length of its queues.
type jobs interface {
	// running lists the jobs that some process works on, lost or not.
	running(ctx context.Context) ([]delivery.LostJob, error)
	// keep renews the sign of life of running jobs; what running tells next is the new one.
	keep(ctx context.Context, ids []int64) error
	// shrink takes out of a running job what it need not look at again.
	shrink(ctx context.Context, id int64, left job) error
	// waiting tells the deliveries in jobs that are not done, by queue.
	waiting(ctx context.Context) (map[string]backlog, error)
}

// processGone is what River's pages say of a job that was taken over.
const processGone = "its process gives no sign of life: the deliveries go on in new jobs"

// backlog is what a queue has to do.
type backlog struct {
	deliveries int
	oldest     time.Duration // age of the oldest job
}

// deliveryIDs are ids as the jobs hold them.
func deliveryIDs(ids []dedup.ID) []string {
	text := make([]string, len(ids))
	for i, id := range ids {
		text[i] = id.String()
	}
	return text
}

// claimsOf are those of jobs that were worked.
func claimsOf(jobs []job) (all []delivery.Claim, err error) {
	for _, j := range jobs {
		claims, err := j.claims(true)
		if err != nil {
			return nil, fmt.Errorf("read a job: %w", err)
		}
		all = append(all, claims...)
	}
	return all, nil
}
