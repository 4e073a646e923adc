package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// largestFile bounds what is read as a configuration.
const largestFile = 1 << 20

// Load reads the file, puts the environment ("NAME=value" entries, as os.Environ gives them) over it, reads the files
// that hold secrets and checks the whole. With path "" there is no file: defaults and environment alone.
//
// What is wrong comes back as [Problems], all of it at once; a file that can't be read at all as the error of reading.
func Load(path string, environ []string) (*Config, error) {
	if path == "" {
		return load("", nil, environ)
	}
	data, err := readConfig(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return load(path, data, environ)
}

func readConfig(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err == nil && len(data) > largestFile {
		err = fmt.Errorf("%s is larger than 1 MiB; is it the right file?", path)
	}
	return data, err
}

// load is Load without the reading of the file; name is for messages.
func load(name string, data []byte, environ []string) (*Config, error) {
	c := Default()
	root, err := parse(name, data)
	if err != nil {
		return nil, err
	}
	b := binder{file: name, anchors: map[string]ast.Node{}, origins: map[string]origin{}}
	if root != nil {
		b.bind(reflect.ValueOf(c).Elem(), root, "")
	}
	b.problems = append(b.problems, overlay(c, environ, b.origins)...)
	readSecrets(c, b.complain)
	c.complete()

	known := map[string]bool{}
	for _, p := range b.problems {
		known[p.Key] = true
	}
	for _, f := range c.findings(known) {
		b.complain(f.key, f.text)
	}
	if len(b.problems) > 0 {
		b.problems.sort()
		return nil, b.problems
	}
	return c, nil
}

// parse gives the root of the file, nil for a file without content.
func parse(name string, data []byte) (root ast.Node, err error) {
	if !utf8.Valid(data) {
		return nil, Problems{{File: name, Text: "is not UTF-8 text; is it the right file?"}}
	}
	// A running gateway reads files that are half written: a parser's panic must not take it down.
	defer func() {
		if recover() != nil {
			root, err = nil, Problems{{File: name, Text: "is not YAML that can be read; check quotes, brackets and indentation"}}
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, Problems{syntaxProblem(name, string(data), err)}
	}
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.NullType:
		case root != nil:
			pos := doc.Body.GetToken().Position
			return nil, Problems{{File: name, Line: pos.Line, Column: 1, Text: "a second document begins here; write all keys in one, without ---"}}
		default:
			root = doc.Body
		}
	}
	return root, nil
}

var (
	inQuotes  = regexp.MustCompile(`"[^"]*"`)
	keyOfLine = regexp.MustCompile(`^\s*(?:- +)*[A-Za-z0-9_.-]+:`)
)

// syntaxProblem translates a parser's error. The parser's own text shows lines of the file, which may hold secrets: here
// only the key at the beginning of the line is shown.
func syntaxProblem(name, data string, err error) Problem {
	p := Problem{File: name, Text: "is not valid YAML; check quotes, brackets and indentation"}
	var failure yaml.Error
	if !errors.As(err, &failure) || failure.GetToken() == nil {
		return p
	}
	pos := failure.GetToken().Position
	p.Line, p.Column = pos.Line, pos.Column
	p.Text = "is not valid YAML: " + inQuotes.ReplaceAllString(failure.GetMessage(), hidden) +
		"; check quotes, brackets and indentation around here"
	if lines := strings.Split(data, "\n"); pos.Line >= 1 && pos.Line <= len(lines) {
		line := strings.ReplaceAll(strings.TrimRight(lines[pos.Line-1], "\r"), "\t", " ")
		key := keyOfLine.FindString(line)
		p.excerpt = excerpt(pos.Line, 1, strings.TrimSpace(key+" "+hidden), pos.Column)
		if indent := len(key) - len(strings.TrimLeft(key, " ")); indent > 0 {
			p.excerpt = excerpt(pos.Line, 1+indent, strings.TrimLeft(key, " ")+" "+hidden, pos.Column)
		}
	}
	return p
}

// at is a problem with the key's place: where its value was written, or else the section or item around it.
func at(file string, origins map[string]origin, key, text string) Problem {
	p := Problem{File: file, Key: key, Text: text}
	for path := key; path != ""; path = parent(path) {
		o, ok := origins[path]
		if !ok {
			continue
		}
		p.Line, p.Column, p.Variable = o.line, o.column, o.variable
		if path == key {
			p.excerpt = o.excerpt
		}
		break
	}
	return p
}

// parent is the path of what a key stands in: sources[0].tokens of sources[0].tokens[1].
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}
