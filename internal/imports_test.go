// Package internal_test guards the shape of the whole tree: who may import whom, which technology lives where, and habits
// that no linter knows.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/dedupgate/dedupgate/"

// Imports point inwards. A package that is in none of these tables fails the test: give it a place first.
var (
	// core is pure: it imports nothing but core.
	core = []string{
		"internal/access", "internal/advise", "internal/bodies", "internal/dedup", "internal/delivery", "internal/quota", "internal/signature", "internal/source", "internal/surge", "internal/view",
	}
	// adapters import core and, where listed, a part of their own.
	adapters = map[string][]string{
		"internal/apify":      nil,
		"internal/client":     nil,
		"internal/config":     nil,
		"internal/dashboard":  nil,
		"internal/forward":    nil,
		"internal/httpapi":    nil,
		"internal/ledger":     nil,
		"internal/loglines":   nil,
		"internal/metrics":    nil,
		"internal/redisfront": nil,
		"internal/samples":    nil,
		"internal/storm":      {"internal/client", "internal/samples"},
	}
	// assemblies put adapters together and may import all.
	assemblies = []string{
		"cmd/dedupgate", "internal/app", "internal/bench", "internal/bench/dashboard", "internal/bench/load", "internal/bench/yardstick", "internal/chaos",
		"internal/dashboard/browsertest",
	}
	// forTests serve tests: the test files of every package may import them.
	forTests = map[string][]string{
		"internal":                       nil,
		"internal/apify/apifytest":       nil,
		"internal/dedup/deduptest":       {"internal/dedup"},
		"internal/delivery/deliverytest": {"internal/dedup", "internal/delivery"},
		"internal/samples":               nil,
		"internal/testkit":               {"internal/testkit/throwaway"},
		"internal/testkit/throwaway":     nil,
	}
)

// homes says where each technology lives. An import that is not listed fails the test: a dependency needs a home, and a
// reason in docs/decisions.
var homes = map[string][]string{
	"github.com/gin-gonic":           {"internal/httpapi", "internal/bench/yardstick"},
	"github.com/danielgtaylor/huma":  {"internal/httpapi"},
	"gorm.io":                        {"internal/ledger", "internal/bench/yardstick"},
	"github.com/pressly/goose":       {"internal/ledger"},
	"modernc.org/sqlite":             {"internal/ledger"},
	"github.com/jackc":               {"internal/forward", "internal/ledger", "internal/testkit", "internal/bench", "internal/bench/dashboard", "internal/bench/yardstick"},
	"github.com/redis":               {"internal/redisfront", "internal/testkit", "internal/bench", "internal/bench/yardstick"},
	"github.com/go-redis/redis_rate": {"internal/redisfront"},
	"github.com/alicebob/miniredis":  {"internal/redisfront"},
	"github.com/prometheus":          {"internal/metrics"},
	"github.com/alecthomas/kong":     {"cmd/dedupgate"},
	"github.com/schollz/progressbar": {"cmd/dedupgate"},
	"github.com/goccy/go-yaml":       {"internal/config"},
	"github.com/go-playground":       {"internal/config"},
	"github.com/fsnotify/fsnotify":   {"internal/config"},
	"github.com/go-json-experiment":  {"internal/source"},
	"github.com/Shopify/toxiproxy":   {"internal/testkit"},
	"github.com/rs/zerolog":          {"internal/testkit"}, // toxiproxy's logger, to silence it
	"github.com/standard-webhooks":   {"internal/forward", "internal/signature"},
	"golang.org/x/term":              {"cmd/dedupgate"},
	"github.com/riverqueue":          {"internal/forward"},
	"riverqueue.com/riverui":         {"internal/forward"},
	"github.com/failsafe-go":         {"internal/forward"},
	"github.com/chromedp":            nil, // nil: test files only
	"github.com/google/go-cmp":       nil,
	"go.uber.org/goleak":             nil,
	"pgregory.net/rapid":             nil,
}

// testHomes are further places for the test files of a package.
var testHomes = map[string][]string{
	"modernc.org/sqlite": {"internal/forward"}, // opened as the ledger opens it
	"github.com/jackc":   {"internal/testkit/throwaway", "internal/chaos", "internal/app"},
	"github.com/redis":   {"internal/chaos", "internal/app"},
}

func TestImportsPointInwards(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		for _, imported := range file.imports {
			inside, ours := strings.CutPrefix(imported, module)
			switch {
			case ours && !mayImport(file, inside):
				t.Errorf("%s imports %s", file.path, inside)
			case !ours && strings.Contains(imported, ".") && !atHome(file, imported):
				t.Errorf("%s imports %s, which has no home there", file.path, imported)
			}
		}
	}
}

func TestEveryHomeIsLivedIn(t *testing.T) {
	t.Parallel()
	files := sources(t)
	for prefix := range homes {
		lives := slices.ContainsFunc(files, func(file source) bool {
			return slices.ContainsFunc(file.imports, func(imported string) bool { return under(imported, prefix) })
		})
		if !lives {
			t.Errorf("nobody imports %s any more: take it out of the table", prefix)
		}
	}
}

func TestEveryPackageHasAPlace(t *testing.T) {
	t.Parallel()
	places := slices.Concat(core, assemblies, slices.Collect(maps.Keys(adapters)), slices.Collect(maps.Keys(forTests)))
	for _, file := range sources(t) {
		if !slices.Contains(places, file.pkg) {
			t.Errorf("%s: package %s has no place in the tables of imports_test.go", file.path, file.pkg)
		}
	}
}

func TestTheCoreNeedsTheStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		if (file.pkg != "internal/dedup" && file.pkg != "internal/view") || file.test {
			continue
		}
		for _, imported := range file.imports {
			if strings.Contains(imported, ".") {
				t.Errorf("%s imports %s", file.path, imported)
			}
		}
	}
}

// mayImport reports whether a file may import one of our own packages.
func mayImport(file source, imported string) bool {
	if file.test {
		if _, serves := forTests[imported]; serves || imported == file.pkg {
			return true
		}
	}
	allowed, isAdapter := adapters[file.pkg]
	switch {
	case slices.Contains(assemblies, file.pkg):
		_, serves := forTests[imported]
		return !serves || imported == "internal/samples" || strings.HasPrefix(file.pkg, "internal/bench")
	case slices.Contains(core, file.pkg):
		return slices.Contains(core, imported)
	case isAdapter:
		return slices.Contains(core, imported) || slices.Contains(allowed, imported)
	default:
		return slices.Contains(forTests[file.pkg], imported)
	}
}

// atHome reports whether a file may import a package of somebody else's.
func atHome(file source, imported string) bool {
	for prefix, places := range homes {
		if !under(imported, prefix) {
			continue
		}
		return slices.Contains(places, file.pkg) || file.test && (places == nil || slices.Contains(testHomes[prefix], file.pkg))
	}
	return false
}

func under(imported, prefix string) bool {
	return imported == prefix || strings.HasPrefix(imported, prefix+"/")
}

// source is a Go file of the project.
type source struct {
	path    string // from the root of the tree
	pkg     string // its folder
	test    bool
	imports []string
	syntax  *ast.File
	set     *token.FileSet
}

// sources parses all Go files of cmd and internal, whatever their build tags.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	for _, top := range []string{"../cmd", "."} {
		err := filepath.WalkDir(top, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(name) != ".go" {
				return err
			}
			file, err := parse(name)
			all = append(all, file)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(all) == 0 {
		t.Fatal("found no Go files")
	}
	return all
}

func parse(name string) (source, error) {
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	slashed := path.Join("internal", filepath.ToSlash(name))
	file := source{path: slashed, pkg: path.Dir(slashed), test: strings.HasSuffix(name, "_test.go"), syntax: syntax, set: set}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, err
		}
		file.imports = append(file.imports, imported)
	}
	return file, nil
}
