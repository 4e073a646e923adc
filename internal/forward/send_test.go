package forward

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// rawReceiver accepts connections and hands each to serve, after the request has been read up to its body.
func rawReceiver(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				var head [64 << 10]byte
				if _, err := conn.Read(head[:]); err == nil {
					serve(conn)
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// drip writes a byte now and then until the other side has gone.
func drip(w io.Writer) {
	for {
		if _, err := w.Write([]byte("a")); err != nil {
			return
		}
		wait(context.Background(), 5*time.Millisecond)
	}
}

func TestBadReceiversAreCutOff(t *testing.T) {
	t.Parallel()
	const timeout = 400 * time.Millisecond
	endless := bytes.Repeat([]byte("x"), 64<<10)
	flood := func(w io.Writer) {
		for {
			if _, err := w.Write(endless); err != nil {
				return
			}
		}
	}
	for name, c := range map[string]struct {
		serve  func(net.Conn)
		status int
		err    string
	}{
		"never answers":               {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, 0, "no answer within 400ms"},
		"drips its status":            {func(c net.Conn) { drip(c) }, 0, "no answer within 400ms"},
		"headers without end":         {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: "); flood(c) }, 0, "server response headers exceeded"},
		"interim answers without end": {func(c net.Conn) { flood(interim{c}) }, 0, "server response headers exceeded"},
		"closes at once":              {func(net.Conn) {}, 0, "closed the connection without an answer"},
		"resets":                      {func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }, 0, "connection reset"},
		"speaks no HTTP":              {func(c net.Conn) { _, _ = io.WriteString(c, "220 mail ready\r\n") }, 0, "malformed HTTP"},
		"drips the body of a 200": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
			drip(c)
		}, 200, ""},
		"answers 200 with a gibibyte": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
			flood(c)
		}, 200, ""},
		"answers 500 without an end": {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 500 Oh\r\n\r\n"); flood(c) }, 500, ""},
		"claims a compressed body": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")
		}, 200, ""},
		"resets in the body of a 200": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
			_ = c.(*net.TCPConn).SetLinger(0)
		}, 200, ""},
		"answers before the body is in": {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n") }, 204, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := destinationAt(t, "app", rawReceiver(t, c.serve))
			d.Timeout = timeout
			a := sendTo(t, d)
			if a.status != c.status || (a.err == nil) != (c.err == "") || a.err != nil && !strings.Contains(a.err.Error(), c.err) {
				t.Errorf("got status %d, error %v", a.status, a.err)
			}
			if a.took > timeout+2*time.Second {
				t.Errorf("it took %s", a.took)
			}
			if len(a.body) > delivery.AnswerKept || cap(a.body) > delivery.AnswerKept {
				t.Errorf("%d bytes of the answer are kept", cap(a.body))
			}
		})
	}
}

// interim turns each write into one more 1xx answer.
type interim struct{ w io.Writer }

func (i interim) Write(p []byte) (int, error) {
	if _, err := io.WriteString(i.w, "HTTP/1.1 103 Early Hints\r\nLink: </"+strings.Repeat("x", 1000)+">\r\n\r\n"); err != nil {
		return 0, err
	}
	return len(p), nil
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var followed atomic.Int32
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer inner.Close()
	for _, to := range []string{"http://169.254.169.254/latest/meta-data/", inner.URL} {
		receiver := newSink(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusTemporaryRedirect) })
		a := sendTo(t, destinationAt(t, "app", receiver.URL))
		s := shipmentFor("app")
		s.Attempt = 1
		r := decide(delivery.Retry{Attempts: 2}, &s, &a, time.Now(), 0)
		if a.status != 307 || r.State != delivery.Retrying || !strings.Contains(r.Error, "redirects are not followed") {
			t.Errorf("got %d, %s, %q", a.status, r.State, r.Error)
		}
	}
	if followed.Load() > 0 {
		t.Error("it was followed")
	}
}

func TestARefusedTargetIsToldByItsAddress(t *testing.T) {
	t.Parallel()
	d := destinationAt(t, "app", newSink(t, nil).URL)
	d.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	a := sendTo(t, d)
	if a.err == nil || !strings.Contains(a.err.Error(), "refused to connect to 127.0.0.1: the address is not public (loopback)") {
		t.Errorf("got %v", a.err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	defer server.Close()
	d := destinationAt(t, "app", server.URL)
	if a := sendTo(t, d); a.err == nil || !strings.Contains(a.err.Error(), "protocol version") {
		t.Errorf("got %d, %v", a.status, a.err)
	}
}

func TestUnknownCertificatesAreRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	defer server.Close()
	if a := sendTo(t, destinationAt(t, "app", server.URL)); a.err == nil || !strings.Contains(a.err.Error(), "certificate") {
		t.Errorf("got %d, %v", a.status, a.err)
	}
}

func TestTheEnvironmentsProxyIsNotAsked(t *testing.T) {
	t.Parallel()
	if newTransport(destinationAt(t, "app", "https://app.example.com")).Proxy != nil {
		t.Error("there is a proxy")
	}
}

func TestTheAnswerIsKeptAndConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(bytes.Repeat([]byte("y"), 3000))
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	d := destinationAt(t, "app", server.URL)
	out := &sender{destination: d, transport: newTransport(d), agent: "dedupgate/test"}
	defer out.transport.CloseIdleConnections()
	for range 5 {
		s := shipmentFor("app")
		if a := out.send(t.Context(), &s); a.status != 418 || string(a.body) != strings.Repeat("y", delivery.AnswerKept) {
			t.Fatalf("status %d, %d bytes, %v", a.status, len(a.body), a.err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for five requests", n)
	}
}

// A connection shared by many attempts that died without a word is given up by its silence, long before their timeout.
func TestADeadSharedConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		if r.ProtoMajor != 2 {
			t.Errorf("it came as %s", r.Proto)
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	proxy := testkit.Proxy(t, server.Listener.Addr().String())
	d := destinationAt(t, "app", "https://"+proxy.Addr())
	d.Timeout = patience
	s := &sender{destination: d, transport: newTransport(d), agent: "test"}
	if asked := s.transport.HTTP2; asked.SendPingTimeout != quietConnection || asked.PingTimeout != pingPatience {
		t.Errorf("it asks %+v", asked)
	}
	s.transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	s.transport.TLSClientConfig.RootCAs.AddCert(server.Certificate())
	s.transport.TLSClientConfig.ServerName = "example.com"
	s.transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: 50 * time.Millisecond, PingTimeout: 200 * time.Millisecond}
	t.Cleanup(s.transport.CloseIdleConnections)
	shipment := shipmentFor("app")
	if a := s.send(t.Context(), &shipment); a.status != http.StatusNoContent {
		t.Fatalf("%+v", a)
	}
	proxy.Hang()
	if a := s.send(t.Context(), &shipment); a.err == nil || a.took > patience/2 {
		t.Errorf("on a dead connection: %v after %s", a.err, a.took)
	}
	proxy.Heal()
	if a := s.send(t.Context(), &shipment); a.status != http.StatusNoContent {
		t.Errorf("afterwards: %+v", a)
	}
}
