package app

import (
	"net"
	"net/url"
	"path/filepath"

	"github.com/dedupgate/dedupgate/internal/config"
)

func welcome(cfg *config.Config, public, admin net.Addr, made string) Welcome {
	w := Welcome{PublicAddr: reachable(public), AdminAddr: reachable(admin), Embedded: cfg.Embedded()}
	if len(cfg.Admin.AccessTokens()) == 0 {
		w.AdminTokenPath = filepath.Join(cfg.DataDir, adminTokenFile)
	}
	for _, s := range cfg.Sources {
		if made == "" || len(s.Tokens) > 0 || len(s.Auth.Signatures) > 0 {
			continue
		}
		w.WebhookURL = publicBase(cfg, w.PublicAddr) + "/webhooks/" + s.Name + "?token=" + url.QueryEscape(made)
	}
	return w
}

// reachable is an address that this machine can connect to: a listener on all interfaces is reached on localhost.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
