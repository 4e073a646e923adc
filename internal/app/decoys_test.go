package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dedupgate/dedupgate/internal/config"
	"github.com/dedupgate/dedupgate/internal/signature"
)

const (
	shownToken = "  - {name: apify, kind: apify, tokens: [{value: one-token-0123456789}]}\n"
	hub        = "  - {name: hub, kind: generic, identity: {keys: ['body:id']}, auth: {signatures: [" +
		"{scheme: hmac, header: X-Hub-Signature-256, secrets: [{value: a-secret-0123456789}]}]}}\n"
	relay = "  - {name: relay, kind: generic, identity: {keys: ['body:id']}, auth: {signatures: [" +
		"{scheme: standard, secrets: [{value: whsec_YWJjZGVmZ2hpamtsbW5vcA==}]}]}}\n"
	ofTheSecret = "  - {name: hub, kind: generic, identity: {keys: ['body:id']}, auth: {signatures: [" +
		"{scheme: hmac, header: X-Hub-Signature-256, secrets: [{value: another-secret-0123456789}]}]}}\n"
)

// choices says for many names that are not configured which source each imitates.
func choices(t *testing.T, yaml string) map[string]string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dedupgate.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	var s sources
	if err := s.set(cfg, ""); err != nil {
		t.Fatal(err)
	}
	made := map[string]string{}
	for i := range 1000 {
		name := fmt.Sprint("name-", i)
		for j, d := range *s.decoys.Load() {
			if s.Decoy(name) == d.guard {
				made[name] = cfg.Sources[j].Name
			}
		}
	}
	return made
}

// moved counts the names that imitate another source than before, and those of them that imitate or imitated this one.
func moved(before, after map[string]string, source string) (all, its int) {
	for name, was := range before {
		if is := after[name]; is != was {
			all++
			if is == source || was == source {
				its++
			}
		}
	}
	return all, its
}

// A name whose ways differ between two gateways, or before and after a restart, would be known for no source.
func TestGatewaysWithOneConfigurationImitateAlike(t *testing.T) {
	t.Parallel()
	sources := "sources:\n" + shownToken + hub + relay
	first := choices(t, sources)
	for name, yaml := range map[string]string{
		"another process":   sources,
		"another setting":   "dedup: {window: 80h}\nlimits: {source: 5/s}\n" + sources,
		"another order":     "sources:\n" + relay + hub + shownToken,
		"a source's window": strings.Replace(sources, "kind: apify", "kind: apify, window: 90h", 1),
	} {
		if n, _ := moved(first, choices(t, yaml), ""); n > 0 {
			t.Errorf("%s: %d names of %d imitate another source", name, n, len(first))
		}
	}
}

func TestNamesImitateEverySource(t *testing.T) {
	t.Parallel()
	count := map[string]int{}
	for _, source := range choices(t, "sources:\n"+shownToken+hub+relay) {
		count[source]++
	}
	for _, source := range []string{"apify", "hub", "relay"} {
		if count[source] < 200 {
			t.Errorf("%s is imitated by %d names of 1000", source, count[source])
		}
	}
}

// Other names keep their ways when a source comes or changes its secret.
func TestAChangedSourceMovesOnlyNamesThatImitateIt(t *testing.T) {
	t.Parallel()
	first := choices(t, "sources:\n"+shownToken+hub)
	for source, yaml := range map[string]string{"relay": shownToken + hub + relay, "hub": shownToken + ofTheSecret} {
		all, its := moved(first, choices(t, "sources:\n"+yaml), source)
		if all == 0 || all != its {
			t.Errorf("%s: %d names have moved, of which %d have to do with it", source, all, its)
		}
	}
}

// The choice can't be foreseen by who does not know the secrets.
func TestTheChoiceDependsOnSecrets(t *testing.T) {
	t.Parallel()
	all, _ := moved(choices(t, "sources:\n"+shownToken+hub), choices(t, "sources:\n"+shownToken+ofTheSecret), "")
	if all < 300 {
		t.Errorf("%d names of 1000 have moved with a secret", all)
	}
}

func BenchmarkDecoy(b *testing.B) {
	decoys := make([]decoy, 5)
	for i := range decoys {
		decoys[i] = decoy{guard: &signature.Guard{}, seed: [16]byte{byte(i)}}
	}
	b.ReportAllocs()
	for b.Loop() {
		imitated(decoys, "apify-production")
	}
}
