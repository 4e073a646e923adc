package httpapi

import (
	"errors"
	"net/http"
	"sync"

	"github.com/dedupgate/dedupgate/internal/quota"
)

// crowd counts the bodies that are being read of senders who are not known yet: a signature is over the body, so that it has
// to be read first. They have places of their own, so that a stranger who sends slowly takes none of a known sender's, and
// one address has a quarter of them, so that it can't take all of the other signed senders'. Safe for concurrent use.
type crowd struct {
	mu   sync.Mutex
	all  int
	from map[string]int // by address as quotas know it
}

func newCrowd() *crowd { return &crowd{from: map[string]int{}} }

// addressesShare is the part of the places that one address may have.
const addressesShare = 4

// enter takes one of the places, 0 being no limit, and reports whether there was one.
func (c *crowd) enter(address string, places int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if places > 0 && (c.all >= places || c.from[address] >= max(places/addressesShare, 1)) {
		return false
	}
	c.all++
	c.from[address]++
	return true
}

func (c *crowd) leave(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.from[address]--; c.from[address] == 0 {
		delete(c.from, address)
	}
}

// errCrowd is for the log.
var errCrowd = errors.New("too many bodies are being read whose signatures can't be checked yet")

// readProof reads the body of a request whose signature is over it. Nothing is known of the sender yet: the body is not
// kept when it is too large, and what is wrong with its form is not told.
func (i *ingest) readProof(r *http.Request, w *webhook) ([]byte, refusalCode) {
	address := quota.Address(w.remoteIP)
	if !i.unproven.enter(address, i.strangers.limits().Unproven) {
		w.cause = errCrowd
		return nil, refusedBusy
	}
	defer i.unproven.leave(address)
	body, err := readBody(r.Body, r.ContentLength, i.maxBody())
	switch {
	case errors.Is(err, errBodyTooLarge):
		return nil, refusedUnproven
	case err != nil:
		w.cause = err
		return nil, readFailure(err)
	}
	return body, noRefusal
}
