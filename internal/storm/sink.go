package storm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/dedupgate/dedupgate/internal/client"
	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/signature"
	"github.com/dedupgate/dedupgate/internal/view"
)

// sinkPath is where a sink takes events, and by which its destination is found.
const sinkPath = "/dedupgate-storm"

// largestHanded bounds a body that a sink reads.
const largestHanded = 64 << 20

// Sink is an application that a gateway hands events to: it verifies every signature, remembers what came, and answers 204
// at once. It is safe for concurrent use.
type Sink struct {
	address string
	secret  string
	scheme  signature.Scheme
	server  *http.Server
	served  chan struct{}

	mu       sync.Mutex
	arrivals map[dedup.ID]*arrival
	requests int
	unsigned int
	complain string // about the first unsigned one
	first    time.Time
	last     time.Time
}

// arrival is what came of one event.
type arrival struct {
	digest [sha256.Size]byte // of the body
	times  int               // replays not counted
	differ bool              // not always the same bytes
}

// OpenSink listens on host:port. The secret is one of Standard Webhooks, whsec_ and base64.
func OpenSink(ctx context.Context, listen, secret string) (*Sink, error) {
	scheme, err := signature.NewStandard([]string{secret}, 5*time.Minute)
	if err != nil {
		return nil, fmt.Errorf("storm: the sink's secret: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("storm: open the sink: %w", err)
	}
	s := &Sink{address: l.Addr().String(), secret: secret, scheme: scheme, served: make(chan struct{}), arrivals: map[dedup.ID]*arrival{}}
	s.server = &http.Server{Handler: http.HandlerFunc(s.take), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.served)
		_ = s.server.Serve(l) // until it is closed
	}()
	return s, nil
}

// Close stops listening and drops what is under way.
func (s *Sink) Close() {
	_ = s.server.Close() // nobody reads what is left
	<-s.served
}

// URL is where events have to be sent.
func (s *Sink) URL() string { return "http://" + s.address + sinkPath }

// YAML is the configuration that makes a gateway hand everything to the sink.
func (s *Sink) YAML() string {
	host, _, err := net.SplitHostPort(s.address)
	network := host + "/32"
	if err == nil && strings.Contains(host, ":") {
		network = host + "/128"
	}
	return fmt.Sprintf(`destinations:
  - name: storm
    url: %q
    secret: %q
    test: true
    allow_http: true
    allow_private_cidrs: [%q]
`, s.URL(), s.secret, network)
}

// pollDestinations is how often a gateway is asked whether it knows the sink.
const pollDestinations = 500 * time.Millisecond

// Await waits until the gateway hands events to the sink, or ctx ends. missing is called once when it does not yet.
func (s *Sink) Await(ctx context.Context, api *client.Client, missing func()) error {
	for told := false; ; {
		known, err := s.known(ctx, api)
		if known || err != nil {
			return err
		}
		if !told {
			told = true
			missing()
		}
		if err := pause(ctx, pollDestinations); err != nil {
			return err
		}
	}
}

// known reports whether a destination of the gateway leads here. The host may have another name there.
func (s *Sink) known(ctx context.Context, api *client.Client) (bool, error) {
	all, err := api.Destinations(ctx)
	if errors.Is(err, view.ErrNotFound) {
		return false, errors.New("storm: this gateway is too old for a sink: it hands nothing on")
	}
	_, port, splitErr := net.SplitHostPort(s.address)
	if err != nil || splitErr != nil {
		return false, errors.Join(err, splitErr)
	}
	for _, d := range all {
		if u, err := url.Parse(d.URL); err == nil && d.Configured && u.Port() == port && u.Path == sinkPath {
			return true, nil
		}
	}
	return false, nil
}

// take answers one request.
func (s *Sink) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestHanded))
	if err != nil { // it broke off: the gateway tries again
		return
	}
	now := time.Now()
	_, err = s.scheme.Verify(r.Header, body, now)
	id, idErr := dedup.ParseID(r.Header.Get("Webhook-Id"))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if err = errors.Join(err, idErr); err != nil || r.Method != http.MethodPost || r.URL.Path != sinkPath {
		s.refuse(w, r, err)
		return
	}
	if s.first.IsZero() {
		s.first = now
	}
	s.last = now
	s.keep(id, body, r.Header.Get("X-Dedup-Replay") != "0")
	w.WriteHeader(http.StatusNoContent)
}

func (s *Sink) refuse(w http.ResponseWriter, r *http.Request, err error) {
	s.unsigned++
	if s.complain == "" {
		s.complain = fmt.Sprintf("%.10q %.100q: %v", r.Method, r.URL.Path, err)
	}
	w.WriteHeader(http.StatusUnauthorized)
}

func (s *Sink) keep(id dedup.ID, body []byte, replay bool) {
	digest := sha256.Sum256(body)
	a := s.arrivals[id]
	if a == nil {
		a = &arrival{digest: digest}
		s.arrivals[id] = a
	}
	if a.differ = a.differ || a.digest != digest; !replay {
		a.times++
	}
}
