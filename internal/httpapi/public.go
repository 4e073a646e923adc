package httpapi

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
)

// Options of the public listener's handler. All fields but Limits, Repeats, OtherBodies, TrustedProxies and Log are required.
type Options struct {
	Sources  Sources
	Gate     Gate
	Oversize OversizeKeeper
	Health   Health
	Meter    Meter
	// MaxBody is the longest body taken, in bytes. It is asked for each request, so that a reload takes effect.
	MaxBody func() int64
	// Limits are asked for each request too; nil: none.
	Limits func() Limits
	// Repeats is told of every duplicate; may be nil.
	Repeats RepeatCounter
	// OtherBodies is offered what may differ from an event's own body; may be nil.
	OtherBodies OtherBodyKeeper
	// TrustedProxies are addresses or networks (CIDR) whose X-Forwarded-For is believed; none by default.
	TrustedProxies []string
	Log            *slog.Logger
}

func (o *Options) validate() error {
	if o.Sources == nil || o.Gate == nil || o.Oversize == nil || o.Health == nil || o.Meter == nil || o.MaxBody == nil {
		return errors.New("httpapi: the public handler needs sources, a gate, an oversize keeper, health, a meter and a body limit")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// New makes the public listener's handler: webhooks in, and the two health pages.
func New(o Options) (http.Handler, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	e, err := newPublicEngine(&o)
	if err != nil {
		return nil, err
	}
	return e, nil
}

func newPublicEngine(o *Options) (*gin.Engine, error) {
	e, err := newEngine(o.TrustedProxies)
	if err != nil {
		return nil, err
	}
	statuses := newStatusTable()
	refuse := func(c *gin.Context, code refusalCode) {
		o.Meter.Refused(string(code))
		statuses[code].write(c.Writer, 0)
	}
	e.Use(recovered(o.Log, func(c *gin.Context) { refuse(c, refusedInternal) }))
	for _, r := range publicRoutes(newIngest(o), o.Health) {
		e.Handle(r.method, r.path, r.handle)
	}
	e.NoRoute(identified, func(c *gin.Context) { refuse(c, refusedNotFound) })
	e.NoMethod(identified, func(c *gin.Context) { refuse(c, refusedMethod) })
	return e, nil
}

// publicRoutes is the public listener's table.
func publicRoutes(i *ingest, h Health) []route {
	return []route{
		{http.MethodPost, "/webhooks/:source", ruleSourceToken, i.handle},
		{http.MethodGet, "/healthz", ruleOpen, healthz},
		{http.MethodHead, "/healthz", ruleOpen, healthz},
		{http.MethodGet, "/readyz", ruleOpen, readyz(h)},
		{http.MethodHead, "/readyz", ruleOpen, readyz(h)},
	}
}
