package config

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// apifyRetries is how long Apify's last retry can come after the first attempt.
const apifyRetries = 43 * time.Hour

// Warnings lists what works but is probably not meant, each as key: what it leads to; what to do. A valid configuration
// is assumed.
func (c *Config) Warnings() []string {
	var all []string
	warnf := func(key, format string, args ...any) { all = append(all, key+": "+fmt.Sprintf(format, args...)) }

	d, h := c.Dedup, c.HTTP
	if d.Lease < d.DecideTimeout {
		warnf("dedup.lease", "%s is shorter than dedup.decide_timeout (%s), so twins in flight both reach the database; raise it", d.Lease, d.DecideTimeout)
	}
	if h.WriteTimeout < h.ReadTimeout+d.DecideTimeout {
		warnf("http.write_timeout", "%s is shorter than http.read_timeout and dedup.decide_timeout together (%s), so a slow sender "+
			"may get no answer; raise it",
			h.WriteTimeout, h.ReadTimeout+d.DecideTimeout)
	}
	if c.ShutdownTimeout < d.DecideTimeout {
		warnf("shutdown_timeout", "%s is shorter than dedup.decide_timeout (%s), so a stop may cut requests off; raise it",
			c.ShutdownTimeout, d.DecideTimeout)
	}
	if r := c.Retention; r.Keys != 0 && (r.Bodies == 0 || r.Bodies > r.Keys) {
		warnf("retention.bodies", "bodies are deleted with their keys after retention.keys (%s) at the latest; lower it, or raise retention.keys", r.Keys)
	}
	if c.Admin.BehindProxy && len(h.TrustedProxies) == 0 {
		warnf("admin.behind_proxy", "is set, but http.trusted_proxies is empty, so everybody has the proxy's address and ten wrong tokens lock "+
			"everybody out; name the proxy's network in http.trusted_proxies")
	}
	for i, text := range h.TrustedProxies {
		if p, err := netip.ParsePrefix(text); err == nil && p.Bits() == 0 {
			warnf("http.trusted_proxies["+strconv.Itoa(i)+"]", "%s lets every sender choose its own address; name your proxies' networks", text)
		}
	}
	for i, s := range c.Sources {
		c.warnOfSource("sources["+strconv.Itoa(i)+"]", s, warnf)
	}
	for i := range c.Destinations {
		c.warnOfDestination("destinations["+strconv.Itoa(i)+"]", &c.Destinations[i], warnf)
	}
	return all
}

func (c *Config) warnOfSource(path string, s Source, warnf func(key, format string, args ...any)) {
	const shortest = 16
	for i, t := range s.Tokens {
		key := path + ".tokens[" + strconv.Itoa(i) + "]"
		switch {
		case t.isPlaceholder():
			warnf(key, "is the placeholder of the example and lets nobody in; put your token's SHA-256 there")
		case t.Value != "" && len(t.Value) < shortest:
			warnf(key, "is shorter than %d characters and can be guessed; make one with `openssl rand -hex 24`", shortest)
		}
	}
	s.warnOfUnsignedKeys(path, warnf)
	if s.Kind != KindApify {
		return
	}
	c.warnOfWindow(path, s, "", warnf)
	for _, name := range slices.Sorted(maps.Keys(s.EventTypes)) {
		key := path + ".event_types[" + name + "]"
		if !slices.Contains(apifyEventTypes(), name) {
			warnf(key, "is none of the event types that Apify is known to send; check the spelling")
		}
		if s.EventTypes[name].Window != 0 {
			c.warnOfWindow(key, s, name, warnf)
		}
	}
}

// warnOfUnsignedKeys is about senders that sign. Who shows a token alone hands it to everybody who reads a request; who
// signs does not, and yet a part of the identity that is not signed lets who has read one make further events of it.
func (s *Source) warnOfUnsignedKeys(path string, warnf func(key, format string, args ...any)) {
	if len(s.Auth.Signatures) == 0 {
		return
	}
	for i, text := range s.Identity.Keys {
		isUnsigned := func(sig Signature) bool { return !sig.signs(text) }
		if slices.ContainsFunc(s.Auth.Signatures, isUnsigned) {
			warnf(path+".identity.keys["+strconv.Itoa(i)+"]", "%s is not signed, so who has read a request can send it again with another value, as a new "+
				"event; name an id in the body, or body:sha256 if no two events have equal bodies", text)
		}
	}
}

func (c *Config) warnOfWindow(key string, s Source, eventType string, warnf func(key, format string, args ...any)) {
	if window, _ := c.Window(s, eventType); window < apifyRetries {
		warnf(key, "the window of %s is shorter than the %s over which Apify retries; late retries are caught by the database alone; raise it",
			Duration(window), Duration(apifyRetries))
	}
}

// apifyEventTypes is the list of Apify's documentation. A type that is not in it still works.
func apifyEventTypes() []string {
	types := []string{"TEST", "ACTOR.RUN.RESURRECTED"}
	for _, subject := range []string{"ACTOR.RUN.", "ACTOR.BUILD."} {
		for _, change := range []string{"CREATED", "SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"} {
			types = append(types, subject+change)
		}
	}
	return types
}
