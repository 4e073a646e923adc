package httpapi

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/dedupgate/dedupgate/internal/quota"
)

// crowd counts the bodies that are being read of senders who are not known yet, and their bytes: a signature is over the body,
// so that it has to be read first. They have places of their own, so that a stranger who sends slowly takes none of a known
// sender's, and one address has a quarter of them, so that it can't take all of the other signed senders'. Safe for concurrent
// use.
type crowd struct {
	mu   sync.Mutex
	all  share
	from map[string]share // by address as quotas know it
}

// share is what is being read of some.
type share struct {
	bodies int
	bytes  int64
}

func newCrowd() *crowd { return &crowd{from: map[string]share{}} }

const (
	// addressesShare is the part of places and bytes that one address may have.
	addressesShare = 4
	// largestBodies is how many bodies of the greatest length are held at once. There are more places than that, since most
	// bodies are small; if all were large the memory would not do.
	largestBodies = 4
	// smallBody is how much of each body is read even so: large ones keep no small ones out.
	smallBody = 64 << 10
)

// enter takes one of the places, 0 being no limit, and reports whether there was one.
func (c *crowd) enter(address string, places int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if places > 0 && (c.all.bodies >= places || c.from[address].bodies >= max(places/addressesShare, 1)) {
		return false
	}
	c.add(address, share{bodies: 1})
	return true
}

// hasRoom reports whether more bytes may be read.
func (c *crowd) hasRoom(address string, maxBody int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all.bytes <= largestBodies*maxBody && c.from[address].bytes <= largestBodies/addressesShare*maxBody
}

func (c *crowd) hold(address string, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(address, share{bytes: bytes})
}

// leave gives back a place and the bytes that were counted.
func (c *crowd) leave(address string, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(address, share{-1, -bytes})
	if c.from[address].bodies == 0 {
		delete(c.from, address)
	}
}

func (c *crowd) add(address string, s share) {
	c.all = share{c.all.bodies + s.bodies, c.all.bytes + s.bytes}
	its := c.from[address]
	c.from[address] = share{its.bodies + s.bodies, its.bytes + s.bytes}
}

// counted is a body whose bytes are counted as they come: what is announced takes no memory yet.
type counted struct {
	body    io.Reader
	crowd   *crowd
	address string
	maxBody int64
	bytes   int64
}

// Read fails with errCrowd when there is no room. It reads little at a time: what all of them read at once is counted late.
func (b *counted) Read(p []byte) (int, error) {
	p = p[:min(len(p), smallBody)]
	if b.bytes >= smallBody && !b.crowd.hasRoom(b.address, b.maxBody) {
		return 0, errCrowd
	}
	n, err := b.body.Read(p)
	b.bytes += int64(n)
	b.crowd.hold(b.address, int64(n))
	return n, err
}

// errCrowd is for the log.
var errCrowd = errors.New("too many bodies are being read whose signatures can't be checked yet")

// readProof reads the body of a request whose signature is over it. Nothing is known of the sender yet: the body is not
// kept when it is too large, and what is wrong with its form is not told. One that ends without proof is charged to its
// address like a wrong signature.
func (i *ingest) readProof(r *http.Request, w *webhook) ([]byte, refusalCode) {
	address, limit := quota.Address(w.remoteIP), i.maxBody()
	if !i.unproven.enter(address, i.strangers.limits().Unproven) {
		return nil, i.strangers.noPlace(w)
	}
	from := &counted{body: r.Body, crowd: i.unproven, address: address, maxBody: limit}
	defer func() { i.unproven.leave(address, from.bytes) }()
	body, err := readBody(from, r.ContentLength, limit)
	if err == nil {
		return body, noRefusal
	}
	w.cause = err
	switch {
	case errors.Is(err, errCrowd):
		return nil, i.strangers.noPlace(w)
	case errors.Is(err, errBodyTooLarge):
		return nil, i.strangers.refuse(w, refusedUnproven)
	default:
		return nil, i.strangers.refuse(w, readFailure(err))
	}
}
