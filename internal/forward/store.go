package forward

import (
	"context"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
)

// Store keeps what is true of deliveries; River's jobs only say when to look at one. Calls are batched over everything that
// waits at the same moment. It is safe for concurrent use.
type Store interface {
	// Begin marks deliveries as delivering, counts the attempt and returns what to send, in any order: for each claim that is
	// of the delivery's newest job, unless its destination is paused or an attempt of another job is under way. An attempt
	// that the same job began in an earlier life is kept with an error of its own.
	Begin(ctx context.Context, claims []delivery.Claim) (delivery.Begun, error)
	// Blocked returns those of ids that must wait for an earlier delivery of the same run to the same destination: one with
	// a lower seq, not a replay, not over.
	Blocked(ctx context.Context, ids []dedup.ID) ([]dedup.ID, error)
	// Finish stores attempts and moves their deliveries on, except those that an operator has cancelled meanwhile; one that
	// is to be tried again gets a new job, due at its time. Called again with the same results, after an unclear commit for
	// example, it changes nothing.
	Finish(ctx context.Context, results []delivery.Result) error
	// TakeOver ends jobs of processes that have gone, gives up the attempts that they have begun, and makes new jobs for
	// their deliveries. It returns how many go on.
	TakeOver(ctx context.Context, lost []delivery.LostJob) (deliveries int, err error)
	// SetPaused pauses a destination or ends its pause. When it has paused one no attempt begins any more.
	SetPaused(ctx context.Context, destination string, paused bool) error
	// Paused names the destinations that are paused.
	Paused(ctx context.Context) ([]string, error)
}
