package testkit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// FlakyProxy is a TCP proxy that fails on command. Faults apply to open connections and to new ones until [FlakyProxy.Heal].
type FlakyProxy struct {
	t      testing.TB
	proxy  *toxiproxy.Proxy
	addr   string
	faults []string // their names in toxiproxy
}

// Proxy starts a proxy in front of upstream (host:port), in good health. It ends with the test.
//
// Requests to cancel never get through to PostgreSQL: its driver sends one for every connection that it has lost, in a race
// with what the server was asked to do last.
func Proxy(t testing.TB, upstream string) *FlakyProxy {
	t.Helper()
	registerFaults()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", upstream)
	if err := proxy.Start(); err != nil {
		t.Fatalf("start a proxy to %s: %v", upstream, err)
	}
	t.Cleanup(proxy.Stop)
	p := &FlakyProxy{t: t, proxy: proxy, addr: proxy.Listen}
	p.add(noCancelsName, "upstream", nil)
	p.faults = nil // it is there for good
	return p
}

// Addr is the proxy's host:port, the same over Cut and Restore.
func (p *FlakyProxy) Addr() string { return p.addr }

// Cut closes all connections and refuses new ones.
func (p *FlakyProxy) Cut() { p.proxy.Stop() }

// Restore accepts connections again after Cut.
func (p *FlakyProxy) Restore() { p.t.Helper(); check(p.t, p.proxy.Start()) }

// Latency delays every answer by d.
func (p *FlakyProxy) Latency(d time.Duration) {
	p.t.Helper()
	p.add("latency", "downstream", map[string]any{"latency": d.Milliseconds()})
}

// Hang lets requests through and swallows the answers: connections stay open and nothing comes. Healing closes them.
func (p *FlakyProxy) Hang() {
	p.t.Helper()
	p.add("timeout", "downstream", map[string]any{"timeout": 0})
}

// Reset breaks every new connection with a TCP reset as soon as the server answers; open ones are closed then.
func (p *FlakyProxy) Reset() {
	p.t.Helper()
	p.add("reset_peer", "downstream", map[string]any{"timeout": 0})
}

// LimitAnswers closes each connection after n bytes of answers, in the middle of one if need be.
func (p *FlakyProxy) LimitAnswers(n int) {
	p.t.Helper()
	p.add("limit_data", "downstream", map[string]any{"bytes": n})
}

// CutAfter passes on the next request that contains text and then closes its connection, so that the server does what it was
// asked and the client never learns of it. It happens once; the channel is closed when it has. Text that the client sends in
// two parts isn't recognised.
//
// [Prepared] is the text by which pgx runs a statement that the connection has prepared.
func (p *FlakyProxy) CutAfter(text string) <-chan struct{} {
	p.t.Helper()
	fault, _ := p.add(cutAfterName, "upstream", map[string]any{"text": text}).(*cutAfter)
	return fault.done
}

// Prepared is what goes over the wire when pgx runs a statement that its cache has prepared on the connection, and not when
// it prepares it: the name, behind the empty name of a portal.
func Prepared(sql string) string {
	digest := sha256.Sum256([]byte(sql))
	return "\x00stmtcache_" + hex.EncodeToString(digest[:24]) + "\x00"
}

// Heal takes all faults back, Cut excepted.
func (p *FlakyProxy) Heal() {
	p.t.Helper()
	for _, name := range p.faults {
		check(p.t, p.proxy.Toxics.RemoveToxic(p.t.Context(), name))
	}
	p.faults = nil
}

func (p *FlakyProxy) add(kind, stream string, attributes map[string]any) any {
	p.t.Helper()
	spec, err := json.Marshal(map[string]any{"type": kind, "stream": stream, "attributes": attributes})
	check(p.t, err)
	wrapper, err := p.proxy.Toxics.AddToxicJson(bytes.NewReader(spec))
	if err != nil {
		p.t.Fatalf("make the network fail (%s): %v", kind, err)
	}
	p.faults = append(p.faults, wrapper.Name)
	return wrapper.Toxic
}
