package metrics_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/delivery"
	"github.com/dedupgate/dedupgate/internal/metrics"
)

const (
	rulesFile     = "../../configs/prometheus/dedupgate.rules.yaml"
	ruleCasesFile = "../../configs/prometheus/dedupgate.rules.test.yaml"
	boardFile     = "../../configs/grafana/dedupgate.json"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// everySeries is a registry in which every series has been seen once.
func everySeries() *metrics.Metrics {
	m := newMetrics()
	m.WatchGate(gateFigures{})
	m.WatchRedis(func() bool { return false })
	m.WatchDatabase(func() bool { return true })
	m.SetDestinations([]string{"app"})
	m.SetDestinationStatus([]metrics.Destination{{Name: "app", Deliveries: map[delivery.State]int64{delivery.Dead: 0}, Breaker: "closed"}})
	m.Refused("busy")
	asking := m.WatchAsking()
	asking.Missing("apify", "lost", "injected")
	asking.Verified("apify", false)
	m.Observed(dedup.OpRecord, 1, time.Second, true)
	return m
}

// Prometheus says nothing of a name that it has never seen: such an alert would be silent for ever.
func TestAlertsSpeakOfSeriesThatExist(t *testing.T) {
	t.Parallel()
	var names, labelled []string
	for series := range scrape(t, everySeries()) {
		name, labels, _ := strings.Cut(series, "{")
		names, labelled = append(names, name), append(labelled, name+"{"+labels)
	}
	word, matcher := regexp.MustCompile(`dedupgate_[a-z_]+`), regexp.MustCompile(`(dedupgate_[a-z_]+)\{([a-z]+=".*?")\}`)
	for _, file := range []string{rulesFile, ruleCasesFile, boardFile} {
		text := readFile(t, file)
		used := word.FindAllString(text, -1)
		if len(used) == 0 {
			t.Fatalf("%s names no series", file)
		}
		for _, name := range used {
			if !slices.Contains(names, name) {
				t.Errorf("%s: there is no series %s", file, name)
			}
		}
	}
	for _, m := range matcher.FindAllStringSubmatch(readFile(t, rulesFile), -1) {
		if !slices.ContainsFunc(labelled, func(s string) bool { return strings.HasPrefix(s, m[1]+"{") && strings.Contains(s, m[2]) }) {
			t.Errorf("%s never has %s", m[1], m[2])
		}
	}
}

func TestEveryAlertSaysWhatToDoAndIsPlayed(t *testing.T) {
	t.Parallel()
	rules, cases := readFile(t, rulesFile), readFile(t, ruleCasesFile)
	alerts := strings.Split(rules, "- alert: ")[1:]
	if len(alerts) < 7 {
		t.Errorf("%d alerts", len(alerts))
	}
	for _, alert := range alerts {
		name, text, _ := strings.Cut(alert, "\n")
		for _, part := range []string{"expr:", "for:", "severity:", "summary:", "description:"} {
			if part == "for:" && strings.Contains(text, "increase(") && !strings.Contains(text, "> 3 *") {
				continue // one dead letter is enough
			}
			if !strings.Contains(text, part) {
				t.Errorf("%s has no %s", name, part)
			}
		}
		played := strings.Split(cases, "alertname: "+name)
		fires := slices.ContainsFunc(played[1:], func(after string) bool {
			next, _, _ := strings.Cut(after, "eval_time:")
			return strings.Contains(next, "exp_alerts:")
		})
		silent := slices.ContainsFunc(played[1:], func(after string) bool { return strings.HasPrefix(after, " }") })
		if !fires || !silent {
			t.Errorf("%s: fires in a case: %v, is silent in one: %v", name, fires, silent)
		}
	}
}
