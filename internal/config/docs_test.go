package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// The examples of the documentation are configurations that are taken as they are. Two are warned of, as the text beside
// them says.
func TestTheExamplesOfTheDocumentationLoad(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	secrets := t.TempDir()
	for _, name := range []string{"apify", "github", "shopify", "slack"} {
		writeFile(t, filepath.Join(secrets, name), "a-secret-that-is-long-enough")
	}
	writeFile(t, filepath.Join(secrets, "relay"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	blocks := yamlBlock.FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 4 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, block := range blocks {
		c := mustLoad(t, strings.ReplaceAll(block[1], "/run/secrets/", secrets+"/"))
		if _, err := c.Sources[0].Guard(); err != nil {
			t.Errorf("%s: %v", c.Sources[0].Name, err)
		}
		unsigned := map[string]string{"github": "X-GitHub-Delivery", "shopify": "X-Shopify-Webhook-Id"}[c.Sources[0].Name]
		if w := c.Warnings(); len(w) > 1 || len(w) == 1 && unsigned == "" || !strings.Contains(strings.Join(w, ""), unsigned) {
			t.Errorf("%s is warned of: %q", c.Sources[0].Name, w)
		}
	}
}
