package httpapi

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// nowhere answers what no route does: with a page, when a browser may want one, or with a problem. What is under the API's
// path is never a page.
func (a *admin) nowhere(c *gin.Context) {
	reads := c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead
	if a.Pages == nil || !reads || strings.HasPrefix(c.Request.URL.Path, "/api/") {
		writeProblem(c, http.StatusNotFound, "There is nothing here. GET /api lists what there is.")
		return
	}
	c.Status(http.StatusOK) // gin has set 404 for what no route takes
	a.Pages.ServeHTTP(c.Writer, c.Request)
}

// contentsRoutes list what the listener has, at its root too where no pages are.
func (a *admin) contentsRoutes() []route {
	routes := []route{{http.MethodGet, "/api", ruleOpen, contents}}
	if a.Pages == nil {
		routes = append(routes, route{http.MethodGet, "/", ruleOpen, contents})
	}
	return routes
}
