package config

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/dedupgate/dedupgate/internal/signature"
	"github.com/dedupgate/dedupgate/internal/source"
)

// services are the modes in which Redis is a service of its own.
var services = []string{ModeSingle, ModeSentinel, ModeCluster}

// checker compares keys with each other.
type checker struct {
	c     *Config
	found []finding
}

// crossFindings is what is wrong between keys that are each good by themselves.
func (c *Config) crossFindings() []finding {
	k := checker{c: c}
	k.listeners()
	k.operators()
	k.stores()
	k.redis()
	k.dedup()
	k.retention()
	k.apify()
	k.sources()
	k.destinations()
	return k.found
}

func (k *checker) addf(key, format string, args ...any) {
	k.found = append(k.found, finding{key: key, text: fmt.Sprintf(format, args...)})
}

func (k *checker) listeners() {
	h := k.c.HTTP
	if _, port, err := net.SplitHostPort(h.Listen); err == nil && h.Listen == k.c.Admin.Listen && port != "0" {
		k.addf("admin.listen", "is the same as http.listen; give the operators' listener a port of its own")
	}
	if h.ReadHeaderTimeout > h.ReadTimeout {
		k.addf("http.read_header_timeout", "%s is longer than http.read_timeout (%s), which covers the headers too; lower it",
			h.ReadHeaderTimeout, h.ReadTimeout)
	}
	if h.WriteTimeout <= k.c.Dedup.DecideTimeout {
		k.addf("http.write_timeout", "%s cuts answers off before dedup.decide_timeout (%s) is over; raise it", h.WriteTimeout, k.c.Dedup.DecideTimeout)
	}
}

func (k *checker) stores() {
	d := k.c.Database
	switch mode := k.c.Redis.Mode; {
	case !slices.Contains(services, mode) && mode != ModeEmbedded: // said elsewhere
	case d.URL == "" && mode != ModeEmbedded:
		k.addf("database.url", "is empty, but redis.mode is %s, and the embedded database goes with the embedded Redis only; "+
			"give the URL of a PostgreSQL database, or set redis.mode to embedded", mode)
	case d.URL != "" && mode == ModeEmbedded:
		k.addf("redis.mode", "is embedded, but database.url is set, and the embedded Redis goes with the embedded database only; "+
			"set it to single, sentinel or cluster and give redis.addresses, or empty database.url")
	}
	if d.Committers > d.MaxConnections {
		k.addf("database.committers", "%d can't commit at the same time over database.max_connections (%d); lower it", d.Committers, d.MaxConnections)
	}
}

func (k *checker) redis() {
	r := k.c.Redis
	switch {
	case r.Mode == ModeEmbedded && len(r.Addresses) > 0:
		k.addf("redis.addresses", "are set, but redis.mode is embedded and uses none; set redis.mode to single, sentinel or cluster")
	case r.Mode == ModeSingle && len(r.Addresses) != 1:
		k.addf("redis.addresses", "has %d addresses, but redis.mode single takes exactly one; use mode sentinel or cluster for more", len(r.Addresses))
	case slices.Contains(services, r.Mode) && len(r.Addresses) == 0:
		k.addf("redis.addresses", "is empty; give at least one host:port for mode %s", r.Mode)
	}
	k.sentinel()
	if r.Mode == ModeCluster && r.DB != 0 {
		k.addf("redis.db", "%d is not to be had in mode cluster, which has database 0 only; set it to 0", r.DB)
	}
	if r.TLSCAFile != "" && !r.TLS {
		k.addf("redis.tls_ca_file", "is set, but redis.tls is false; set redis.tls to true")
	}
}

func (k *checker) sentinel() {
	switch r := k.c.Redis; {
	case r.Mode == ModeSentinel && r.MasterName == "":
		k.addf("redis.master_name", "is empty; give the name of the primary that the sentinels watch")
	case r.Mode != ModeSentinel && r.MasterName != "":
		k.addf("redis.master_name", "is for redis.mode sentinel only; empty it, or change the mode")
	}
	if k.c.Redis.Mode != ModeSentinel && k.c.Redis.SentinelPassword != "" {
		k.addf("redis.sentinel_password", "is for redis.mode sentinel only; empty it, or change the mode")
	}
}

func (k *checker) dedup() {
	d := k.c.Dedup
	if d.Window < d.Lease {
		k.addf("dedup.window", "%s is shorter than dedup.lease (%s); raise the window", d.Window, d.Lease)
	}
	if d.RedisTimeout >= d.DecideTimeout {
		k.addf("dedup.redis_timeout", "%s leaves the database no time of dedup.decide_timeout (%s); lower it", d.RedisTimeout, d.DecideTimeout)
	}
	if d.SettleTimeout >= d.DecideTimeout {
		k.addf("dedup.settle_timeout", "%s is not below dedup.decide_timeout (%s); lower it", d.SettleTimeout, d.DecideTimeout)
	}
	if d.BatchRequests > d.QueueRequests {
		k.addf("dedup.batch_requests", "%d can never be waiting in dedup.queue_requests (%d); lower it", d.BatchRequests, d.QueueRequests)
	}
	if d.BatchBytes > d.QueueBytes {
		k.addf("dedup.batch_bytes", "%s can never be waiting in dedup.queue_bytes (%s); lower it", d.BatchBytes, d.QueueBytes)
	}
	if k.c.HTTP.MaxBody > d.QueueBytes {
		k.addf("dedup.queue_bytes", "%s can't hold a body of http.max_body (%s); raise it", d.QueueBytes, k.c.HTTP.MaxBody)
	}
}

func (k *checker) retention() {
	longest := k.c.longestWindow()
	for _, r := range []struct {
		key  string
		kept Duration
	}{
		{"retention.receipts", k.c.Retention.Receipts},
		{"retention.keys", k.c.Retention.Keys},
	} {
		if r.kept != 0 && r.kept < longest {
			k.addf(r.key, "%s is shorter than the longest window (%s, dedup.window or a source's own), so Redis would remember what the database "+
				"has forgotten; raise it, or set 0 to keep everything", r.kept, longest)
		}
	}
}

func (k *checker) sources() {
	if len(k.c.Sources) == 0 && !k.c.Embedded() {
		k.addf("sources", "is empty, so nobody could send; configure at least one source")
	}
	first := map[string]int{}
	for i, s := range k.c.Sources {
		path := "sources[" + strconv.Itoa(i) + "]"
		if j, twice := first[s.Name]; twice {
			k.addf(path+".name", "%s is the name of sources[%d] already; each source needs its own", quoted(s.Name), j)
		} else {
			first[s.Name] = i
		}
		k.tokens(path, s)
		k.auth(path, &s)
		k.identity(path, s)
		k.windows(path, s)
		k.askingApify(path, s)
	}
}

func (k *checker) tokens(path string, s Source) {
	if len(s.Tokens) == 0 && len(s.Auth.Signatures) == 0 && (!k.c.Embedded() || s.Name != DefaultSource) {
		k.addf(path+".tokens", "is empty, so nobody could send; give at least one token, as sha256, value_file or value, or auth.signatures")
	}
	for i, t := range s.Tokens {
		key := path + ".tokens[" + strconv.Itoa(i) + "]"
		if (t.SHA256 != "") == (t.Value != "" || t.ValueFile != "") {
			k.addf(key, "needs exactly one of sha256, value_file and value")
		}
		if len(t.Value) > signature.MaxToken {
			k.addf(key, "is longer than %d bytes, so no request can show it; make a shorter one with `openssl rand -hex 24`", signature.MaxToken)
		}
	}
}

func (k *checker) identity(path string, s Source) {
	id := s.Identity
	switch {
	case s.Kind == KindApify && len(id.Keys) > 0:
		k.addf(path+".identity.keys", "is for kind generic only, as Apify's events are told apart by run, type and generation; "+
			"delete it, or set kind to generic")
	case s.Kind == KindGeneric && len(id.Keys) == 0:
		k.addf(path+".identity.keys", "is missing; name the places that identify an event, such as header:X-GitHub-Delivery, or body:sha256")
	case s.Kind == KindGeneric && id.WithoutGeneration != "":
		k.addf(path+".identity.without_generation", "is for kind apify only; delete it")
	}
	k.places(path, id.Keys)
}

func (k *checker) places(path string, keys []string) {
	var seen []source.Place
	for i, text := range keys {
		item := path + ".identity.keys[" + strconv.Itoa(i) + "]"
		place, err := source.ParsePlace(text)
		switch {
		case err != nil:
			k.addf(item, "names no place that can identify an event: %v", err)
		case place.String() == "body:sha256" && len(keys) > 1:
			k.addf(item, "body:sha256 is the whole body and stands alone; delete the other places, or this one")
		case slices.Contains(seen, place):
			k.addf(item, "%s is listed twice; delete one", place)
		}
		seen = append(seen, place)
	}
}

// windows compares window and lease wherever a source changes one of them.
func (k *checker) windows(path string, s Source) {
	compare := func(path string, o Override, eventType string) {
		window, lease := k.c.Window(s, eventType)
		if (o.Window != 0 || o.Lease != 0) && window < lease {
			key := path + ".window"
			if o.Window == 0 {
				key = path + ".lease"
			}
			k.addf(key, "the window of %s is shorter than the lease of %s that goes with it; raise the window, or lower the lease",
				Duration(window), Duration(lease))
		}
	}
	compare(path, Override{Window: s.Window, Lease: s.Lease}, "")
	for _, name := range slices.Sorted(maps.Keys(s.EventTypes)) {
		compare(path+".event_types["+name+"]", s.EventTypes[name], name)
	}
}
