package httpapi

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/dedupgate/dedupgate/internal/quota"
	"github.com/dedupgate/dedupgate/internal/signature"
)

// Limits of the public listener. A zero field is no limit.
type Limits struct {
	InFlight   int         // webhooks of known senders being read or decided at the same time
	Unproven   int         // bodies being read at the same time before their signatures can be checked
	FailedAuth quota.Quota // requests with a wrong token or signature, for each address
}

// errUnknownSource is for the log only: the sender is told the same as with a wrong token.
var errUnknownSource = errors.New("no source of that name is configured")

// strangers remembers the addresses of failed authentications, bodies that ended before their signature could be checked among
// them. They alone are charged to an address: all of Apify shares ten, so that anything else would make one customer's trouble
// everybody's. A right token or signature is never refused for them.
type strangers struct {
	failed *quota.Local
	// told bounds the log of those who found no place: they are charged nothing, since an honest one may be among them.
	told   *quota.Local
	limits func() Limits
}

func newStrangers(limits func() Limits) *strangers {
	if limits == nil {
		limits = func() Limits { return Limits{} }
	}
	return &strangers{failed: quota.NewLocal(knownAddresses), told: quota.NewLocal(knownAddresses), limits: limits}
}

// refuse charges a failure and says how it is answered: with its own code, or as one too many.
func (s *strangers) refuse(w *webhook, code refusalCode) refusalCode {
	q := s.limits().FailedAuth
	if q.IsZero() {
		return code
	}
	allowed, wait := s.failed.Take(quota.Address(w.remoteIP), q, 1, w.started)
	if allowed == 1 {
		return code
	}
	w.retryAfter = wait
	return refusedStranger
}

// noPlace turns a request away that may be anybody's. It is logged no more often than failures are: a stranger shall not fill
// the disk.
func (s *strangers) noPlace(w *webhook) refusalCode {
	w.cause = errCrowd
	allowed, _ := s.told.Take(quota.Address(w.remoteIP), s.limits().FailedAuth, 1, w.started)
	w.quiet = allowed == 0
	return refusedBusy
}

// knock finds the source and looks at what comes before the body. For a name that is not configured a decoy does the same
// work, and lets nobody in.
func (i *ingest) knock(c *gin.Context, w *webhook, query url.Values) (signature.Visit, refusalCode) {
	name := c.Param("source")
	src, known := i.sources.Lookup(name)
	guard := i.sources.Decoy(name)
	if known {
		guard, w.name, w.configured = src.Guard, src.Name, src
	}
	from, _ := netip.ParseAddr(w.remoteIP) // invalid: in no network
	visit, err := guard.Look(query, c.Request.Header, from)
	if err != nil {
		return visit, i.stranger(w, err)
	}
	return visit, noRefusal
}

func (i *ingest) stranger(w *webhook, cause error) refusalCode {
	w.cause = cause
	if w.configured == nil {
		w.cause = errUnknownSource
	}
	return i.strangers.refuse(w, refusedUnauthorized)
}

// prove lets a request in for good. Its source is known from here on.
func (i *ingest) prove(w *webhook, visit signature.Visit, h http.Header, body []byte) refusalCode {
	err := visit.Prove(h, body, time.Now())
	if err != nil || w.configured == nil {
		return i.stranger(w, err)
	}
	w.source = w.configured
	return noRefusal
}
