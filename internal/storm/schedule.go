package storm

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// maxAttempts is how often Apify tries a dispatch: once, then eleven times more.
const maxAttempts = 12

// retryWait is how long Apify waits after attempt n (from 1) has failed, made faster: a minute, doubled each time, 25 %
// more or less.
func retryWait(n int, speed float64) time.Duration {
	minute := float64(time.Minute) / speed
	return time.Duration(minute * float64(uint64(1)<<(n-1)) * (0.75 + rand.Float64()/2))
}

// volley is what is sent at one moment: one dispatch of an event, or all that tell it together.
type volley struct {
	due      time.Time
	run      *played
	event    int
	webhooks []int
	attempt  int  // from 1
	opening  bool // the event's first: when it is over the run goes on to its next event
	repeat   bool // of a dispatch that was answered 2xx before
}

// schedule hands out volleys when they are due, the earliest first.
type schedule struct {
	in  chan volley
	out chan volley
}

func newSchedule() *schedule {
	return &schedule{in: make(chan volley), out: make(chan volley)}
}

// run serves until ctx ends.
func (s *schedule) run(ctx context.Context) {
	var waiting volleys
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		var out chan<- volley
		var next volley
		if len(waiting) > 0 {
			if wait := time.Until(waiting[len(waiting)-1].due); wait > 0 {
				timer.Reset(wait)
			} else {
				out, next = s.out, waiting[len(waiting)-1]
			}
		}
		select {
		case v := <-s.in:
			waiting = waiting.with(v)
		case out <- next:
			waiting = waiting[:len(waiting)-1]
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// add schedules a volley, unless ctx has ended.
func (s *schedule) add(ctx context.Context, v volley) {
	select {
	case s.in <- v:
	case <-ctx.Done():
	}
}

// next waits for a volley that is due; false when ctx has ended.
func (s *schedule) next(ctx context.Context) (volley, bool) {
	select {
	case v := <-s.out:
		return v, true
	case <-ctx.Done():
		return volley{}, false
	}
}

// volleys are in order of time, the earliest last.
type volleys []volley

func (list volleys) with(v volley) volleys {
	at, _ := slices.BinarySearchFunc(list, v.due, func(other volley, due time.Time) int { return due.Compare(other.due) })
	return slices.Insert(list, at, v)
}
