package metrics_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// board is what has to be right in Grafana's file.
type board struct {
	Panels []struct {
		Title   string
		Type    string
		Targets []struct {
			Expr string
		}
	}
}

// expressions are the board's questions to Prometheus, its variables filled in.
func expressions(t *testing.T) []string {
	t.Helper()
	var b board
	if err := json.Unmarshal([]byte(readFile(t, boardFile)), &b); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, p := range b.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s asks nothing", p.Title)
		}
		for _, target := range p.Targets {
			list = append(list, strings.NewReplacer("$__rate_interval", "5m", "$source", ".*").Replace(target.Expr))
		}
	}
	return list
}

func TestGrafanaAsksWhatPrometheusUnderstands(t *testing.T) {
	t.Parallel()
	rules := "groups:\n- name: board\n  rules:\n"
	for i, expr := range expressions(t) {
		rules += "  - record: panel:" + strconv.Itoa(i) + "\n    expr: " + strconv.Quote(expr) + "\n"
	}
	file := filepath.Join(t.TempDir(), "board.rules.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "promtool", "check", "rules", file).CombinedOutput()
	if err != nil {
		t.Fatalf("promtool (scripts/deps installs it): %v\n%s", err, out)
	}
}

// A sum by a label that a series does not have is one line for all.
func TestGrafanaGroupsByLabelsThatExist(t *testing.T) {
	t.Parallel()
	labels := make(map[string]bool)
	for series := range scrape(t, everySeries()) {
		for _, m := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(series, -1) {
			labels[m[1]] = true
		}
	}
	grouped := regexp.MustCompile(`by \(([a-z, ]+)\)`)
	found := 0
	for _, expr := range expressions(t) {
		for _, m := range grouped.FindAllStringSubmatch(expr, -1) {
			for label := range strings.SplitSeq(m[1], ", ") {
				found++
				if !labels[label] && !slices.Contains([]string{"outcome", "reason", "repeat", "state"}, label) {
					t.Errorf("%s: no series has the label %s", expr, label)
				}
			}
		}
	}
	if found == 0 {
		t.Error("nothing is grouped by anything")
	}
}
