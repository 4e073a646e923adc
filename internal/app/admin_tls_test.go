package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// selfSigned writes a certificate for 127.0.0.1 and its key into dir.
func selfSigned(t *testing.T, dir string) (cert, key string, trust *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	trust = x509.NewCertPool()
	trust.AddCert(parsed)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, trust
}

// Off loopback the admin listener speaks TLS, its cookie is bound to it, and a login outlives a restart.
func TestTheAdminListenerSpeaksTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key, trust := selfSigned(t, dir)
	yaml := strings.Replace(guarded(dir, "", "{value: "+testToken+"}"), `admin: {listen: "127.0.0.1:0"`,
		fmt.Sprintf(`admin: {listen: "0.0.0.0:0", tls_cert_file: %q, tls_key_file: %q`, cert, key), 1)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS12}}}
	t.Cleanup(client.CloseIdleConnections)
	ask := func(r *running, method, path, body string, cookie *http.Cookie) *http.Response {
		_, port, err := net.SplitHostPort(r.app.AdminAddr())
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, "https://127.0.0.1:"+port+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if cookie != nil {
			req.AddCookie(cookie)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res
	}
	r := startIn(t, dir, yaml)
	if res := ask(r, http.MethodGet, "/metrics", "", nil); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("metrics without a token: %d", res.StatusCode)
	}
	res := ask(r, http.MethodPost, "/api/v1/session", `{"token":"`+adminToken+`"}`, nil)
	if res.StatusCode != http.StatusOK || len(res.Cookies()) != 1 {
		t.Fatalf("login: %d", res.StatusCode)
	}
	cookie := res.Cookies()[0]
	if cookie.Name != "__Host-dedupgate" || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode {
		t.Errorf("cookie %+v", cookie)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if res := ask(startIn(t, dir, yaml), http.MethodGet, "/api/v1/session", "", cookie); res.StatusCode != http.StatusOK {
		t.Errorf("after a restart: %d", res.StatusCode)
	}
}

// A listener on loopback with a proxy in front is not for everybody on this machine only.
func TestMetricsBehindAProxyTakeAToken(t *testing.T) {
	t.Parallel()
	for proxy, want := range map[string]int{"false": http.StatusOK, "true": http.StatusUnauthorized} {
		dir := t.TempDir()
		r := startIn(t, dir, strings.Replace(guarded(dir, "", "{value: "+testToken+"}"), "admin: {", "admin: {behind_proxy: "+proxy+", ", 1))
		res, err := sender.Get("http://" + r.app.AdminAddr() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("behind_proxy %s: %d, want %d", proxy, res.StatusCode, want)
		}
	}
}
