package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"

	"github.com/gin-gonic/gin"
)

// recovered turns a panic into an answer and one log line. The line has the functions on the stack and, for an error of
// the Go runtime, its text; other panic values and all arguments are left out, because they may hold a body or a token.
//
// http.ErrAbortHandler goes on to the server, which closes the connection.
func recovered(log *slog.Logger, answer func(c *gin.Context)) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares this very value too
				panic(v)
			}
			log.LogAttrs(c.Request.Context(), slog.LevelError, "panic in a handler",
				slog.String("panic", panicText(v)),
				slog.String("method", clip(c.Request.Method, maxLoggedWord)),
				slog.String("route", c.FullPath()),
				slog.String("request_id", strings.Join(c.Writer.Header()[requestIDHeader], "")),
				slog.String("stack", stack()))
			c.Abort()
			if c.Writer.Written() {
				panic(http.ErrAbortHandler) // half an answer must not look like a whole one
			}
			answer(c)
		}()
		c.Next()
	}
}

func panicText(v any) string {
	if err, ok := v.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("value of type %T", v)
}

// stack lists the functions above the panic with their lines, innermost first.
func stack() string {
	var pcs [48]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	var b strings.Builder
	for {
		f, more := frames.Next()
		fmt.Fprintf(&b, "%s:%d\n", f.Function, f.Line)
		if !more {
			return b.String()
		}
	}
}
