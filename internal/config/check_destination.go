package config

import (
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (k *checker) destinations() {
	first := map[string]int{}
	for i := range k.c.Destinations {
		d := &k.c.Destinations[i]
		at := "destinations[" + strconv.Itoa(i) + "]"
		if j, twice := first[d.Name]; twice {
			k.addf(at+".name", "%s is the name of destinations[%d] already; each destination needs its own", quoted(d.Name), j)
		} else {
			first[d.Name] = i
		}
		k.target(at, d)
		k.signing(at, d)
		k.headers(at, d.Headers)
		k.filters(at, d)
		if d.Retry.First > d.Retry.Max {
			k.addf(at+".retry.first", "%s is longer than the longest wait, retry.max (%s); lower it", d.Retry.First, d.Retry.Max)
		}
	}
}

func (k *checker) target(at string, d *Destination) {
	u, err := url.Parse(d.URL.Reveal())
	switch {
	case err != nil: // said elsewhere
	case u.User != nil:
		k.addf(at+".url", "carries a user or password, which proxies and logs like to keep; send it as a header Authorization instead, in %s.headers", at)
	case u.Scheme == "http" && !d.AllowHTTP:
		k.addf(at+".url", "is http, so anybody on the way could read events and replay signatures; use https, or set %s.allow_http to true", at)
	}
}

func (k *checker) signing(at string, d *Destination) {
	single := d.Secret != "" || d.SecretFile != ""
	switch {
	case !single && len(d.Secrets) == 0:
		k.addf(at+".secret", "is missing, so the receiver could not tell the gateway from a stranger; make one with %s", makeSecret)
	case single && len(d.Secrets) > 0:
		k.addf(at+".secrets", "is set together with secret; while you replace a secret write both here, else delete this key")
	}
	for i, s := range d.Secrets {
		if s.Value == "" && s.ValueFile == "" {
			k.addf(at+".secrets["+strconv.Itoa(i)+"]", "needs exactly one of value and value_file")
		}
	}
}

// makeSecret is the command that makes a signing secret. (A ready secret in an error would end up in logs.)
const makeSecret = "`echo whsec_$(openssl rand -base64 32)`" //nolint:gosec // it makes one, it is none

// ownHeaders are set by the gateway or by HTTP itself.
var ownHeaders = []string{
	"Connection", "Content-Length", "Content-Type", "Host", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent",
}

func (k *checker) headers(at string, headers []Header) {
	first := map[string]int{}
	for i, h := range headers {
		key, name := at+".headers["+strconv.Itoa(i)+"]", http.CanonicalHeaderKey(h.Name)
		j, twice := first[name]
		switch {
		case twice:
			k.addf(key+".name", "%s is in headers[%d] already; a header is sent once", quoted(h.Name), j)
		case slices.Contains(ownHeaders, name) || strings.HasPrefix(name, "Webhook-") || strings.HasPrefix(name, "X-Dedup-"):
			k.addf(key+".name", "%s is set by the gateway itself; use another name", quoted(h.Name))
		case h.Value == "" && h.ValueFile == "":
			k.addf(key, "needs exactly one of value and value_file")
		}
		first[name] = i
	}
}

func (k *checker) filters(at string, d *Destination) {
	var names []string
	for _, s := range k.c.Sources {
		names = append(names, s.Name)
	}
	for i, name := range d.Sources {
		key := at + ".sources[" + strconv.Itoa(i) + "]"
		if slices.Contains(names, name) {
			continue
		}
		if near, ok := nearest(name, names); ok {
			k.addf(key, "%s is no configured source; did you mean %s?", quoted(name), near)
		} else {
			k.addf(key, "%s is no configured source; there are %s", quoted(name), strings.Join(names, ", "))
		}
	}
	for i, pattern := range d.EventTypes {
		if _, err := path.Match(pattern, ""); pattern == "" || err != nil {
			k.addf(at+".event_types["+strconv.Itoa(i)+"]", "%s is no pattern; write a type, with * for any text, as in ACTOR.RUN.*", quoted(pattern))
		}
	}
}

var (
	destinationName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	headerName      = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$")
)

func isDestinationName(s string) bool { return len(s) <= 32 && destinationName.MatchString(s) }

func isTargetURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.Fragment != "" || u.Opaque != "" {
		return false
	}
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		return err == nil && n > 0
	}
	return !strings.HasSuffix(u.Host, ":")
}

func isSigningSecret(s string) bool { _, ok := signingBytes(s); return ok }

// isHeaderValue allows what HTTP does, in ASCII.
func isHeaderValue(s string) bool {
	return len(s) <= 8<<10 && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// warnOfDestination tells what makes a destination less safe than it could be. What embedded mode brings along is no news.
func (c *Config) warnOfDestination(at string, d *Destination, warnf func(key, format string, args ...any)) {
	if c.Embedded() {
		return
	}
	if u, err := url.Parse(d.URL.Reveal()); err == nil && u.Scheme == "http" {
		warnf(at+".url", "is http: events and signatures can be read on the way; use https where the network is not yours alone")
	}
	for i, text := range d.AllowPrivateCIDRs {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			continue
		}
		key := at + ".allow_private_cidrs[" + strconv.Itoa(i) + "]"
		switch {
		case p.Bits() == 0:
			warnf(key, "%s lets requests go anywhere, this machine and metadata services included; name the receiver's network", text)
		case p.Contains(netip.MustParseAddr("169.254.169.254")):
			warnf(key, "%s includes 169.254.169.254, where clouds hand out credentials; name the receiver's network", text)
		default:
			warnf(key, "%s may be sent to although it is not public; make sure that only the receiver can be reached there", text)
		}
	}
}
