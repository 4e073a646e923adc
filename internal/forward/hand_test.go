package forward

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAttemptsGiveWayToSendersForAMoment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		busyFor time.Duration // -1: nobody can tell
		want    time.Duration
	}{
		"nobody can tell":   {-1, 0},
		"nobody waits":      {0, 0},
		"they are answered": {35 * time.Millisecond, 40 * time.Millisecond},
		"a storm goes on":   {time.Hour, longestWay},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				f := &Forwarder{stopping: make(chan struct{})}
				if c.busyFor >= 0 {
					f.o.Busy = func() bool { return time.Since(start) < c.busyFor }
				}
				if !f.giveWay(t.Context()) || time.Since(start) != c.want {
					t.Errorf("waited %s, want %s", time.Since(start), c.want)
				}
				close(f.stopping)
				if c.busyFor == time.Hour && f.giveWay(t.Context()) {
					t.Error("goes on though the process stops")
				}
			})
		})
	}
}
