package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/dedupgate/dedupgate/internal/client"
)

// dataDirFlag finds what an embedded gateway keeps in its folder.
type dataDirFlag struct {
	DataDir string `type:"path" env:"DEDUPGATE_DATA_DIR" default:"./data" help:"Folder where an embedded gateway keeps its tokens."`
}

// keptToken reads a token that a gateway has made; "" when there is none.
func (f *dataDirFlag) keptToken(name string) (token, path string, err error) {
	path = filepath.Join(f.DataDir, name)
	token, err = readToken(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", nil
	}
	return token, path, err
}

func readToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("read the token: %s is empty", path)
	}
	return token, nil
}

// apiFlags choose a gateway's admin API. The token has no flag: command lines are visible to other users.
type apiFlags struct {
	API          string `name:"api" env:"DEDUPGATE_API_URL" default:"http://127.0.0.1:8081" placeholder:"URL" help:"Admin listener of the gateway (${env})."`
	APITokenFile string `name:"api-token-file" type:"path" placeholder:"FILE" help:"File with the admin token. Else DEDUPGATE_API_TOKEN, else admin-token in the data folder."`
}

const apiVariable = "DEDUPGATE_API_TOKEN"

func (f *apiFlags) client(kept *dataDirFlag) (*client.Client, error) {
	token, from, err := f.token(kept)
	if err != nil {
		return nil, err
	}
	return client.New(client.Options{BaseURL: f.API, Token: token, TokenFrom: from})
}

func (f *apiFlags) token(kept *dataDirFlag) (token, from string, err error) {
	if f.APITokenFile != "" {
		token, err = readToken(f.APITokenFile)
		return token, f.APITokenFile, err
	}
	if token = strings.TrimSpace(os.Getenv(apiVariable)); token != "" {
		return token, apiVariable, nil
	}
	// A local gateway's token is not shown to strangers.
	if !isLocal(f.API) {
		return "", "", nil
	}
	return kept.keptToken("admin-token")
}

// isLocal reports whether the URL's host is this machine.
func isLocal(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// webhookFlags choose where webhooks are sent.
type webhookFlags struct {
	URL string `name:"url" placeholder:"URL" help:"Webhook URL with its token. Without it: http://127.0.0.1:8080/webhooks/apify with the token that an embedded gateway keeps."`
}

const (
	defaultWebhook    = "http://127.0.0.1:8080/webhooks/apify"
	keptWebhookSecret = "source-token-apify"
)

// webhook gives the URL to send to, and where its token comes from.
func (f *webhookFlags) webhook(kept *dataDirFlag) (address, from string, err error) {
	if f.URL != "" {
		u, err := url.Parse(f.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return "", "", errors.New("--url is not a URL like " + defaultWebhook + "?token=…")
		}
		return f.URL, "--url", nil
	}
	token, path, err := kept.keptToken(keptWebhookSecret)
	if err != nil || token == "" {
		return defaultWebhook, "", err
	}
	return defaultWebhook + "?token=" + url.QueryEscape(token), path, nil
}
