package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/dedupgate/dedupgate/internal/signature"
)

// adminTimeout bounds the work on one request of an operator.
const adminTimeout = 15 * time.Second

// AdminToken opens the admin API.
type AdminToken struct {
	Name string // who uses it, for the audit; its hash's start when empty
	Hash signature.Token
}

// AdminOptions of the admin listener's handler. All ports, Metrics and at least one token are required.
type AdminOptions struct {
	Reader   Reader
	Replayer Replayer
	// Deliveries and Destinations are about handing events on.
	Deliveries   Deliveries
	Destinations Destinations
	// River serves River's own pages under /river, read only; nil: there are none.
	River http.Handler
	// Metrics serves GET /metrics.
	Metrics http.Handler
	// MetricsOpen lets anybody who reaches the listener scrape. Set it when the listener is on loopback; elsewhere the
	// scraper shows a token like everybody else.
	MetricsOpen    bool
	Tokens         []AdminToken
	TrustedProxies []string
	Version        string // of the program, for the API's description
	Log            *slog.Logger
}

func (o *AdminOptions) validate() error {
	if o.Reader == nil || o.Replayer == nil || o.Metrics == nil || len(o.Tokens) == 0 {
		return errors.New("httpapi: the admin handler needs a reader, a replayer, deliveries, destinations, metrics and a token")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// admin serves operators. One serves all requests.
type admin struct {
	AdminOptions
	hashes []signature.Token
	rules  map[string]rule // by method and path as gin writes it
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
	a := &admin{AdminOptions: o, rules: map[string]rule{}}
	for _, t := range o.Tokens {
		a.hashes = append(a.hashes, t.Hash)
	}
	return a
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
	e.NoRoute(func(c *gin.Context) {
		writeProblem(c, http.StatusNotFound, "There is nothing here. GET / lists what there is.")
	})
	e.NoMethod(func(c *gin.Context) {
		writeProblem(c, http.StatusMethodNotAllowed, "This address doesn't take that method; see the Allow header.")
	})
	return e, nil
}

// routes is the admin listener's table, without the operations of the API, which are in [admin.operations].
func (a *admin) routes(api description) []route {
	return append([]route{
		{http.MethodGet, "/", ruleOpen, contents},
		{http.MethodGet, "/api/openapi.json", ruleOpen, api.json},
		{http.MethodGet, "/api/openapi.yaml", ruleOpen, api.yaml},
		{http.MethodGet, "/metrics", ruleMetrics, gin.WrapH(a.Metrics)},
	}, a.riverRoutes()...)
}

func ruleKey(method, path string) string { return method + " " + path }

// authorize lets a request through when its route's rule allows it. A route without a rule is closed.
func (a *admin) authorize(c *gin.Context) {
	r := a.rules[ruleKey(c.Request.Method, c.FullPath())]
	switch {
	case c.FullPath() == "": // no such route: said to everybody
		return
	case r == ruleOpen, r == ruleMetrics && a.MetricsOpen:
		return
	case r != ruleAdminToken && r != ruleAdminBrowser && r != ruleMetrics:
		c.Abort()
		writeProblem(c, http.StatusForbidden, "This address is closed.")
		return
	}
	at, ok := signature.Verify(shownToken(c.Request, r), a.hashes)
	if !ok {
		a.Log.LogAttrs(c.Request.Context(), slog.LevelWarn, "admin request refused: missing or wrong token",
			slog.String("route", c.FullPath()), slog.String("remote_ip", c.ClientIP()))
		c.Abort()
		c.Header("WWW-Authenticate", "Bearer")
		if r == ruleAdminBrowser {
			c.Writer.Header().Add("WWW-Authenticate", `Basic realm="dedupgate, any user, the admin token as password"`)
		}
		writeProblem(c, http.StatusUnauthorized, "Send the admin token as 'Authorization: Bearer …'.")
		return
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), actorKey{}, a.actor(at)))
}

// shownToken is the token that a request shows. Browsers can't be told to send a bearer token: on the pages made for them
// the token may be the password of Basic authentication.
func shownToken(req *http.Request, r rule) string {
	if _, password, ok := req.BasicAuth(); ok && r == ruleAdminBrowser {
		return password
	}
	return signature.FromRequest(nil, req.Header)
}

type actorKey struct{}

func (a *admin) actor(at int) string {
	if name := a.Tokens[at].Name; name != "" {
		return name
	}
	return a.Tokens[at].Hash.String()
}

// secured sets what keeps a browser from making anything of an answer but text.
func secured(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
}

// contents is GET /.
func contents(c *gin.Context) {
	c.String(http.StatusOK, `dedupgate admin

GET  /api/openapi.yaml                  description of the API (also .json)
GET  /api/v1/runs                       runs and builds with their status
GET  /api/v1/runs/{run_id}              one run: its events and receipts
GET  /api/v1/events                     events, each once
GET  /api/v1/events/{id}                one event
GET  /api/v1/events/{id}/body           its body as received
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
POST /api/v1/stuck/clear                put stuck deliveries to work again
GET  /api/v1/stats                      receipts by source, outcome and reason
GET  /river                             jobs as River sees them, for browsers (any user, the admin token as password)
GET  /metrics                           for Prometheus

The API wants the admin token: curl -H 'Authorization: Bearer …'
`)
}
