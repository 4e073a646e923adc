package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/signature"
)

// sourceCmd makes tokens for sources. It changes no file: the configuration has one home.
type sourceCmd struct {
	New    sourceNewCmd    `cmd:"" help:"Make a token for a new source, and print what to put where."`
	Rotate sourceRotateCmd `cmd:"" help:"Make a further token for a configured source, and print how to replace the old one."`
}

type sourceNewCmd struct {
	configFlag
	Name string `arg:"" help:"Name of the source: up to 32 lower-case letters, digits and hyphens."`
	Kind string `enum:"apify,generic" default:"apify" help:"Who sends: apify or generic."`
}

// Help is shown by --help.
func (*sourceNewCmd) Help() string {
	return `The configuration gets the token's SHA-256 only. The token itself is printed this once, as part of the URL to paste
into the sender; nobody can find it out again.`
}

// Run prints.
func (c *sourceNewCmd) Run(std streams) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if !sourceNamePattern.MatchString(c.Name) {
		return errors.New("a source's name is up to 32 lower-case letters, digits and hyphens, beginning with a letter or digit")
	}
	if s := findSource(cfg, c.Name); s != nil && len(s.Tokens) > 0 {
		return fmt.Errorf("there is a source %s already; 'dedupgate source rotate %s' makes a further token for it", c.Name, c.Name)
	}
	token := signature.NewToken()
	var b strings.Builder
	fmt.Fprintf(&b, "Put this below sources: in the configuration; a running gateway takes it without a restart:\n\n")
	fmt.Fprintf(&b, "  - name: %s\n    kind: %s\n    tokens:\n      - sha256: %s\n", c.Name, c.Kind, signature.HashToken(token).Hex())
	if c.Kind == config.KindGeneric {
		fmt.Fprintf(&b, "    identity:\n      keys: [\"body:sha256\"]  # or the places that name the event, such as header:X-GitHub-Delivery\n")
	}
	printWebhook(&b, cfg, c.Name, token)
	_, err = io.WriteString(std.out, b.String())
	return err
}

type sourceRotateCmd struct {
	configFlag
	Name string `arg:"" help:"Name of a configured source."`
}

// Help is shown by --help.
func (*sourceRotateCmd) Help() string {
	return `Both tokens are taken while both are configured, so that no request is refused in between. When the sender has the new
one, dedupgate_credential_last_used_timestamp_seconds says when the old one was last used; take it out then.`
}

// Run prints.
func (c *sourceRotateCmd) Run(std streams) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	s := findSource(cfg, c.Name)
	if s == nil {
		return fmt.Errorf("no source %s is configured; 'dedupgate source new %s' makes one", printable(c.Name), printable(c.Name))
	}
	if len(s.Tokens) == 0 {
		return fmt.Errorf("source %s has no token that could be replaced; give it one with 'dedupgate source new %s'", c.Name, c.Name)
	}
	token := signature.NewToken()
	var b strings.Builder
	fmt.Fprintf(&b, "1. Put both tokens into the configuration of source %s; a running gateway takes them without a restart:\n\n    tokens:\n", c.Name)
	fmt.Fprintf(&b, "      - sha256: %s  # the new one\n", signature.HashToken(token).Hex())
	for _, old := range s.Tokens {
		fmt.Fprintf(&b, "      - %s\n", oldToken(old))
	}
	b.WriteString("\n2. Give the sender the new one.\n")
	printWebhook(&b, cfg, c.Name, token)
	b.WriteString("\n3. When the old one is not used any more (GET /api/v1/sources, or the metric\n" +
		"   dedupgate_credential_last_used_timestamp_seconds), take it out of the configuration.\n")
	_, err = io.WriteString(std.out, b.String())
	return err
}

// oldToken is a configured token as it may be shown.
func oldToken(t config.Token) string {
	if t.ValueFile != "" {
		return "value_file: " + t.ValueFile
	}
	digest := signature.Token(t.Digest())
	return "sha256: " + digest.Hex()
}

var sourceNamePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

func findSource(cfg *config.Config, name string) *config.Source {
	for i := range cfg.Sources {
		if cfg.Sources[i].Name == name {
			return &cfg.Sources[i]
		}
	}
	return nil
}

// printWebhook says what to paste into the sender. It is the only place where the token is shown.
func printWebhook(b *strings.Builder, cfg *config.Config, name, token string) {
	base := strings.TrimSuffix(cfg.HTTP.PublicURL, "/")
	remark := ""
	if base == "" {
		base, remark = "https://<your gateway>", " (set http.public_url to have your address here)"
	}
	fmt.Fprintf(b, "\nURL to paste into the sender%s; it is shown this once:\n\n    %s/webhooks/%s?token=%s\n",
		remark, base, name, url.QueryEscape(token))
	fmt.Fprintf(b, "\nBetter, where the sender can set headers: the URL without ?token=…, and the header\n\n    Authorization: Bearer %s\n", token)
}
