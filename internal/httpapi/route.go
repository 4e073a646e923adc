package httpapi

import (
	"time"

	"github.com/gin-gonic/gin"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

// requestIDHeader carries the id that the log has too; for a webhook it is the receipt id. In canonical form: it goes into
// and comes out of header maps as it is.
const requestIDHeader = "X-Request-Id"

// rule says who may use a route.
type rule uint8

// The rules. A route without one answers nobody.
const (
	ruleUndeclared   rule = iota
	ruleOpen              // anybody
	ruleSourceToken       // the source's token; the ingest handler checks it
	ruleRead              // an operator who may look
	ruleOperate           // an operator who may change what becomes of events
	ruleAdmin             // an operator who may do everything
	ruleAdminBrowser      // an operator's bearer token, or that token as the password of Basic authentication
	ruleMetrics           // open or an operator's bearer token, by AdminOptions.OnLoopback
)

// route is one row of a listener's table.
type route struct {
	method string
	path   string // as gin writes it: /webhooks/:source
	rule   rule
	handle gin.HandlerFunc
}

// newEngine makes an engine that never redirects (a sender takes a redirect for a failure), prints nothing, and believes the
// X-Forwarded-For of the trusted proxies only: another header that a proxy does not write comes through as its sender wrote it.
func newEngine(trustedProxies []string) (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.RedirectTrailingSlash = false
	e.HandleMethodNotAllowed = true
	e.RemoteIPHeaders = []string{"X-Forwarded-For"}
	if err := e.SetTrustedProxies(trustedProxies); err != nil {
		return nil, err
	}
	return e, nil
}

// identified gives every answer an id. The ingest handler does it itself: there the id is the receipt's.
func identified(c *gin.Context) {
	c.Writer.Header()[requestIDHeader] = []string{dedup.NewID(time.Now()).String()}
}
