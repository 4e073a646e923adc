package httpapi

import (
	"log/slog"
	"net/http"
	"time"
)

// Timeouts bound how long one request may hold a connection. All are required.
type Timeouts struct {
	Header time.Duration // to send request line and headers
	Read   time.Duration // to send the whole request, body included
	Write  time.Duration // from the headers' end to the answer's last byte; longer than Read and the gate's deadline together
	Idle   time.Duration // between two requests
}

// NewServer wraps a handler of this package. Request line and headers together may have maxHeader bytes (and some slack of
// net/http's own); more is answered 431. The caller listens and shuts down. What net/http has to say (broken TLS, a header
// it can't parse) is logged at debug: senders cause it.
func NewServer(h http.Handler, t Timeouts, maxHeader int, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:                      lastOfItsConnection(h),
		ReadHeaderTimeout:            t.Header,
		ReadTimeout:                  t.Read,
		WriteTimeout:                 t.Write,
		IdleTimeout:                  t.Idle,
		MaxHeaderBytes:               maxHeader,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// lastOfItsConnection ends the connection with a request whose end somebody in front may see elsewhere, and would take what
// follows for another sender's. RFC 9112 wants the connection closed then.
//
// Where there are chunks net/http believes them and forgets a length that was there as well. Of HTTP/1.0 it is the other way
// round: it believes the length, and forgets that there were chunks.
func lastOfItsConnection(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}
