package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/dedupgate/dedupgate/internal/access"
)

// adminTimeout bounds the work on one request of an operator.
const adminTimeout = 15 * time.Second

// AdminOptions of the admin listener's handler. All ports, Metrics and Desk are required.
type AdminOptions struct {
	Reader   Reader
	Replayer Replayer
	// Deliveries and Destinations are about handing events on.
	Deliveries   Deliveries
	Destinations Destinations
	// River serves River's own pages under /river, read only; nil: there are none.
	River http.Handler
	// Pages serves the dashboard's own files at all paths that are nobody else's; nil: there are none.
	Pages http.Handler
	// Dashboard is what the pages ask beside the listings.
	Dashboard Dashboard
	// Storms are shown where there are any to ask; nil: not.
	Storms Storms
	// Metrics serves GET /metrics.
	Metrics http.Handler
	// OnLoopback says that only this machine reaches the listener, and through no proxy. Its programs scrape without a token
	// then, and who asks under a name that is not this machine's own may be a page of another site: it scrapes with a token,
	// opens no session, and locks nobody else out.
	OnLoopback bool
	// Desk knows who may do what.
	Desk *access.Desk
	// BehindProxy says that browsers speak TLS, with a proxy in front.
	BehindProxy    bool
	TrustedProxies []string
	Version        string // of the program, for the API's description
	Log            *slog.Logger
}

func (o *AdminOptions) validate() error {
	if o.Reader == nil || o.Replayer == nil || o.Deliveries == nil || o.Destinations == nil || o.Metrics == nil || o.Desk == nil {
		return errors.New("httpapi: the admin handler needs a reader, a replayer, deliveries, destinations, metrics and a desk")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// admin serves operators. One serves all requests.
type admin struct {
	AdminOptions
	guard *guard
	rules map[string]rule // by method and path as gin writes it
}

// NewAdmin makes the admin listener's handler: the API under /api/v1 with its description, and the metrics.
func NewAdmin(o AdminOptions) (http.Handler, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	e, err := newAdmin(o).engine()
	if err != nil {
		return nil, err
	}
	return e, nil
}

func newAdmin(o AdminOptions) *admin {
	return &admin{AdminOptions: o, guard: newGuard(&o), rules: map[string]rule{}}
}

func (a *admin) engine() (*gin.Engine, error) {
	e, err := newEngine(a.TrustedProxies)
	if err != nil {
		return nil, err
	}
	broken := func(c *gin.Context) {
		writeProblem(c, http.StatusInternalServerError, "Something is broken here; the log has the details under this answer's X-Request-Id.")
	}
	e.Use(identified, secured, recovered(a.Log, broken), a.authorize)
	api, err := a.mountAPI(e)
	if err != nil {
		return nil, err
	}
	for _, r := range a.routes(api) {
		a.rules[ruleKey(r.method, r.path)] = r.rule
		e.Handle(r.method, r.path, r.handle)
	}
	e.NoRoute(a.nowhere)
	e.NoMethod(func(c *gin.Context) {
		writeProblem(c, http.StatusMethodNotAllowed, "This address doesn't take that method; see the Allow header.")
	})
	return e, nil
}

// routes is the admin listener's table, without the operations of the API, which are in [admin.operations].
func (a *admin) routes(api description) []route {
	return slices.Concat(a.contentsRoutes(), []route{
		{http.MethodGet, "/api/openapi.json", ruleOpen, api.json},
		{http.MethodGet, "/api/openapi.yaml", ruleOpen, api.yaml},
		{http.MethodGet, "/metrics", ruleMetrics, gin.WrapH(a.Metrics)},
	}, a.riverRoutes())
}

func ruleKey(method, path string) string { return method + " " + path }

// secured sets what keeps a browser from making anything of an answer but text.
func secured(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
}

// contents is GET /api.
func contents(c *gin.Context) {
	c.String(http.StatusOK, `dedupgate admin

GET  /api/openapi.yaml                  description of the API (also .json)
GET  /api/v1/runs                       runs and builds with their status
GET  /api/v1/runs/{run_id}              one run: its events and receipts
GET  /api/v1/events                     events, each once
GET  /api/v1/events/{id}                one event
GET  /api/v1/events/{id}/body           its body as received
GET  /api/v1/events/{id}/other-bodies   bodies of repeats that differ from it
GET  /api/v1/events/{id}/other-bodies/{receipt_id}  one of them as received
GET  /api/v1/receipts                   every authenticated request
GET  /api/v1/quarantine                 requests that could not be read
GET  /api/v1/quarantine/{id}            one of them
GET  /api/v1/quarantine/{id}/body       its body as received
POST /api/v1/quarantine/{id}/replay     put it through again: {"reason": "…"}
GET  /api/v1/deliveries                 what is handed on to destinations
GET  /api/v1/deliveries/{id}            one of them with its attempts
POST /api/v1/deliveries/{id}/retry      send it again: {"reason": "…"}
POST /api/v1/deliveries/{id}/cancel     call it off
POST /api/v1/deliveries/{id}/release    let it go, when it is held
POST /api/v1/deliveries/retry           send all again that are selected
POST /api/v1/deliveries/cancel          call all off that are selected
POST /api/v1/deliveries/release         let all go that are selected
POST /api/v1/replay                     send events again
GET  /api/v1/destinations               destinations and how they are
POST /api/v1/destinations/{name}/pause  send nothing more to it
POST /api/v1/destinations/{name}/resume send to it again
GET  /api/v1/stuck                      what has not moved for too long
POST /api/v1/stuck/clear                clear stuck deliveries: new jobs for them
GET  /api/v1/stats                      receipts by source, outcome and reason
GET  /api/v1/overview                   how a time range went, with a series for charts
GET  /api/v1/top                        actors, runs or dispatches that were repeated most often
GET  /api/v1/stream                     new receipts as they come (server-sent events)
GET  /api/v1/ttl                        how well the windows do
GET  /api/v1/ttl/{source}               what a window of a source is worth and costs
GET  /api/v1/sources                    configured sources and how to connect them
GET  /api/v1/audit                      who changed what and why
GET  /api/v1/config                     the configuration in force, secrets masked
GET  /api/v1/status                     how this process is
GET  /api/v1/connect                    webhook URL with the token that an embedded gateway made
POST /api/v1/send-sample                send a sample to an embedded gateway: {"again": false}
POST /api/v1/session                    log a browser in: {"token": "…"}; GET tells who is logged in, DELETE logs out
GET  /api/v1/storms                     what is repeated too fast right now
GET  /river                             jobs as River sees them, for browsers (any user, the admin token as password)
GET  /metrics                           for Prometheus

The API wants an admin token: curl -H 'Authorization: Bearer …'
`)
}
