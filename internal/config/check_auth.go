package config

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/dedupgate/dedupgate/internal/access"
	"github.com/dedupgate/dedupgate/internal/signature"
)

// operators checks who reaches the admin listener, and how.
func (k *checker) operators() {
	a := &k.c.Admin
	k.tokenLength("admin.token", a.Token)
	if a.SessionKey != "" && len(a.SessionKey) < access.KeySize {
		k.addf("admin.session_key", "is shorter than %d characters and can be guessed; make one with `openssl rand -hex 32`", access.KeySize)
	}
	if (a.TLSCertFile == "") != (a.TLSKeyFile == "") {
		k.addf("admin.tls_cert_file", "and admin.tls_key_file go together; set both or neither")
	}
	if host, _, err := net.SplitHostPort(a.Listen); err == nil && !isLoopbackHost(host) && a.TLSCertFile == "" && !a.BehindProxy {
		k.addf("admin.listen", "is not on loopback, and operators' tokens would travel in the clear; set admin.tls_cert_file and "+
			"admin.tls_key_file, or admin.behind_proxy if a proxy in front speaks TLS, or listen on 127.0.0.1")
	}
	names := map[string]bool{}
	for i, t := range a.Tokens {
		key := "admin.tokens[" + strconv.Itoa(i) + "]"
		if (t.SHA256 != "") == (t.Token != "" || t.TokenFile != "") {
			k.addf(key, "needs exactly one of sha256, token and token_file")
		}
		k.tokenLength(key, t.Token)
		if names[t.Name] {
			k.addf(key+".name", "%s is the name of another token already; the audit would not tell them apart", quoted(t.Name))
		}
		names[t.Name] = true
	}
}

// bad reports a value that is none of these, which is said elsewhere.
func (*checker) bad(value string, good ...string) bool { return !slices.Contains(good, value) }

func (k *checker) tokenLength(key string, t Secret) {
	if len(t) > signature.MaxToken {
		k.addf(key, "is longer than %d bytes; make a shorter one with `openssl rand -hex 24`", signature.MaxToken)
	}
}

// isLoopbackHost reports whether only this machine reaches a listener on the host.
func isLoopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (k *checker) auth(path string, s *Source) {
	a := &s.Auth
	for i := range a.Signatures {
		k.signature(path+".auth.signatures["+strconv.Itoa(i)+"]", &a.Signatures[i])
	}
	if a.Require != "" && (len(s.Tokens) == 0 || len(a.Signatures) == 0) {
		k.addf(path+".auth.require", "chooses between tokens and signatures, but only one of them is configured; delete it, or configure both")
	}
	if a.TokenHeader != "" && len(s.Tokens) == 0 && (s.Name != DefaultSource || !k.c.Embedded()) {
		k.addf(path+".auth.token_header", "is set, but no tokens are configured; add one, or delete it")
	}
	secret := "header:" + http.CanonicalHeaderKey(a.TokenHeader)
	if a.TokenHeader != "" && slices.ContainsFunc(s.Identity.Keys, func(key string) bool { return strings.EqualFold(key, secret) }) {
		k.addf(path+".auth.token_header", "is a place of identity.keys too, and would be stored; keep the token elsewhere")
	}
}

func (k *checker) signature(key string, s *Signature) {
	if len(s.Secrets) == 0 {
		k.addf(key+".secrets", "is empty, so nobody could sign; give at least one secret, as value_file or value")
		return
	}
	for i, secret := range s.Secrets {
		if (secret.Value != "") == (secret.ValueFile != "") && secret.Value == "" {
			k.addf(key+".secrets["+strconv.Itoa(i)+"]", "needs exactly one of value_file and value")
			return
		}
	}
	only := s.Header + s.Hash + s.Encoding + s.Prefix + s.TimestampHeader + s.Content
	if s.Scheme == SchemeStandard && only != "" {
		k.addf(key+".scheme", "standard has its headers and hash by its specification; delete the keys of scheme hmac")
		return
	}
	if k.bad(s.Scheme, SchemeStandard, SchemeHMAC) || k.bad(s.Hash, "", signature.SHA1, signature.SHA256, signature.SHA512) ||
		k.bad(s.Encoding, "", signature.Hex, signature.Base64) {
		return
	}
	if _, err := s.scheme(); err != nil {
		k.addf(key, "can't work: %v", err)
	}
}
