package forward

import "time"

// How attempts give way to senders.
const (
	// longestWay is how long attempts wait for senders at most, and ownTurn how long they then go on without looking.
	longestWay, ownTurn = 5 * time.Second, time.Second
	// calm is how long it must have been quiet: in a crowd there always is a moment in which many were just answered.
	calm = 50 * time.Millisecond
	// wayStep is how often attempts look.
	wayStep = 5 * time.Millisecond
)

// courtesy lets senders who wait for answers go first: an event that is stored can be handed on a moment later, one that is
// not can be lost. It is for one goroutine at a time.
type courtesy struct {
	busy     func() bool     // nil: never
	stopping <-chan struct{} // whoever stops waits no longer

	seen time.Time // when it was busy last
	turn time.Time // until when attempts go on whatever happens
}

// giveWay waits until attempts may go on.
func (c *courtesy) giveWay() {
	if c.busy == nil {
		return
	}
	for began := time.Now(); ; {
		now := time.Now()
		if c.busy() {
			c.seen = now
		}
		switch {
		case now.Before(c.turn), now.Sub(c.seen) >= calm:
			return
		case now.Sub(began) >= longestWay:
			c.turn = now.Add(ownTurn)
			return
		}
		select {
		case <-time.After(wayStep):
		case <-c.stopping:
			return
		}
	}
}
