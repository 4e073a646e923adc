package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// riverPrefix is where River's own pages are, read only: whatever changes jobs goes through the API, which keeps states and
// audit true.
const riverPrefix = "/river"

// riverPolicy lets River's pages load what they bring along, and nothing from elsewhere. (Its components set styles on
// elements.)
const riverPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// riverRoutes are the routes of River's pages; only methods that read are in the table, all others are answered 405.
func (a *admin) riverRoutes() []route {
	if a.River == nil {
		return nil
	}
	serve := func(c *gin.Context) {
		c.Header("Content-Security-Policy", riverPolicy)
		a.River.ServeHTTP(c.Writer, c.Request)
	}
	return []route{
		{http.MethodGet, riverPrefix, ruleAdminBrowser, serve},
		{http.MethodGet, riverPrefix + "/*path", ruleAdminBrowser, serve},
	}
}
