package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// readiness is the body of /readyz.
type readiness struct {
	Status   string `json:"status"`   // ready, stopping or unavailable
	Database string `json:"database"` // takes_writes or unavailable
	Redis    string `json:"redis"`
}

// healthz answers as long as the process can: restart it when this fails, not when a store is away.
func healthz(c *gin.Context) {
	identified(c)
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, gin.H{"status": "ok"})
}

// readyz is 200 while webhooks can be answered: the database takes writes and the process is not stopping. Redis is
// named and changes nothing.
func readyz(h Health) gin.HandlerFunc {
	return func(c *gin.Context) {
		identified(c)
		c.Header("Cache-Control", "no-store")
		answer, status := readiness{Status: "ready", Database: "takes_writes", Redis: h.Redis()}, http.StatusOK
		if !h.DatabaseTakesWrites() {
			answer.Status, answer.Database, status = "unavailable", "unavailable", http.StatusServiceUnavailable
		}
		if h.Stopping() {
			answer.Status, status = "stopping", http.StatusServiceUnavailable
		}
		c.JSON(status, answer)
	}
}
