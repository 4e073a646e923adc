package redisfront_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/testkit/throwaway"
)

// The rights that the package comment tells operators to give, and no others.
const rights = "~dg:* ~dg.* ~rate:dg.limit:* +get +set +time +evalsha +xadd +xlen +xreadgroup +xgroup +xack +xdel +xautoclaim +xinfo +sadd +smembers +eval +ping +hello +select +info"

func TestLoginWithFewRightsOverTLS(t *testing.T) {
	t.Parallel()
	port, err := throwaway.FreePort(t.Context())
	must(t, err)
	certificate, key, trust := makeCertificate(t)
	testkit.StartRedis(t, "tls-port "+strconv.Itoa(port), "tls-cert-file "+certificate, "tls-key-file "+key, "tls-auth-clients no",
		"user gateway on >password-of-the-test "+rights, "user default off")
	var clock clock
	opts := redisfront.Options{
		Addrs: []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}, Username: "gateway", Password: "password-of-the-test",
		DB: 5, TLS: &tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS12}, LedgerID: ledger(t), Now: clock.now, ReclaimAfter: time.Millisecond,
	}
	f := open(t, opts)
	if f.Degraded() {
		t.Fatalf("left out: %v", f.State().Err)
	}
	k, m := newKey(), newMark()
	expect(t, f, request(k), first)
	must(t, settle(t.Context(), f, k, m))
	expect(t, f, request(k), marked(m))

	hit := newHit("apify")
	must(t, f.Append(t.Context(), []dedup.Hit{hit}))
	expectWaiting(t, f, 1)
	read(t, f)
	clock.turn(redisfront.SweepEvery)
	heir := open(t, opts)
	if got := read(t, heir).Hits; len(got) != 1 || got[0] != hit {
		t.Errorf("took over %+v, want %+v", got, hit)
	}
	must(t, f.DoneHits(t.Context(), read(t, heir)))
	expectWaiting(t, f, 0)
	f.SetConsumerIdle(0)
	if n := f.Sweep(t); n == 0 {
		t.Error("no silent reader was forgotten")
	}
	if _, err = f.Servers(t.Context()); err != nil {
		t.Error(err)
	}
}

// makeCertificate makes a certificate for 127.0.0.1 that is its own authority.
func makeCertificate(t *testing.T) (certificate, key string, trust *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	write := func(name, kind string, bytes []byte) string {
		path := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600))
		return path
	}
	parsed, err := x509.ParseCertificate(der)
	must(t, err)
	trust = x509.NewCertPool()
	trust.AddCert(parsed)
	return write("certificate.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", secret), trust
}
