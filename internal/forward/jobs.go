package forward

import (
	"context"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// jobs is what we ask River's table ourselves, because River can't: it rescues by age only and not oftener than every half
// minute, and tells nothing about the length of its queues.
type jobs interface {
	// running lists the jobs that some process works on.
	running(ctx context.Context) ([]runningJob, error)
	// keep renews the sign of life of running jobs; taken is what running tells next.
	keep(ctx context.Context, ids []int64) error
	// release gives jobs back that still are as they were listed, and returns how many.
	release(ctx context.Context, stale []runningJob) (int, error)
	// waiting tells the jobs that are not done, by queue.
	waiting(ctx context.Context) (map[string]backlog, error)
}

// runningJob is a job under way and its last sign of life, by the clock of the database.
type runningJob struct {
	id    int64
	taken time.Time
}

// backlog is what a queue has to do.
type backlog struct {
	jobs   int
	oldest time.Duration // age of the oldest one
}

// deliveryIDs are ids as the jobs hold them.
func deliveryIDs(ids []dedup.ID) []string {
	text := make([]string, len(ids))
	for i, id := range ids {
		text[i] = id.String()
	}
	return text
}
