package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/signature"
)

var (
	printedHash  = regexp.MustCompile(`sha256: ([0-9a-f]{64})`)
	printedToken = regexp.MustCompile(`\?token=(dg_[A-Za-z0-9_-]+)\n`)
)

func writeConfig(t *testing.T, yaml string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dedupgate.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSourceNewPrintsWhatWorks(t *testing.T) {
	t.Parallel()
	path := writeConfig(t, "http: {public_url: 'https://hooks.example.com/'}\n")
	for _, kind := range []string{"apify", "generic"} {
		r := execute(t, "", "source", "new", "shop", "--kind", kind, "--config", path)
		r.expect(t, 0, "https://hooks.example.com/webhooks/shop?token=dg_", "Authorization: Bearer dg_")
		token := printedToken.FindStringSubmatch(r.out)
		if token == nil {
			t.Fatalf("no token:\n%s", r.out)
		}
		_, block, _ := strings.Cut(r.out, "restart:\n\n")
		block, _, _ = strings.Cut(block, "\n\n")
		cfg, err := config.Load(writeConfig(t, "sources:\n"+block+"\n"), nil)
		if err != nil {
			t.Fatalf("the block is not taken: %v\n%s", err, block)
		}
		if got := signature.Token(cfg.Sources[0].Tokens[0].Digest()); got != signature.HashToken(token[1]) || cfg.Sources[0].Kind != kind {
			t.Errorf("the block does not fit the URL:\n%s", r.out)
		}
		if strings.Contains(block, token[1]) {
			t.Error("the configuration gets the token itself")
		}
	}
	execute(t, "", "source", "new", "Shop!", "--config", path).expect(t, 1, "lower-case letters")
}

func TestSourceRotateKeepsTheOldToken(t *testing.T) {
	t.Parallel()
	path := writeConfig(t, "sources:\n  - {name: apify, kind: apify, tokens: [{value: "+sourceSecret+"}, {sha256: "+signature.HashToken("b").Hex()+"}]}\n")
	r := execute(t, "", "source", "rotate", "apify", "--config", path)
	r.expect(t, 0, "https://<your gateway>/webhooks/apify?token=dg_", "set http.public_url")
	hashes := printedHash.FindAllStringSubmatch(r.out, -1)
	token := printedToken.FindStringSubmatch(r.out)
	if len(hashes) != 3 || token == nil {
		t.Fatalf("printed:\n%s", r.out)
	}
	for i, want := range []string{token[1], sourceSecret, "b"} {
		if hashes[i][1] != signature.HashToken(want).Hex() {
			t.Errorf("hash %d is another token's", i+1)
		}
	}
	execute(t, "", "source", "new", "apify", "--config", path).expect(t, 1, "source rotate apify")
	execute(t, "", "source", "rotate", "nobody", "--config", path).expect(t, 1, "source new nobody")
}
