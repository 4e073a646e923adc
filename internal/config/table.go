package config

import (
	"embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strings"
)

// typeFiles is the source of the types: the comment on a field is the one place that describes its key.
//
//go:embed types.go source.go destination.go auth.go apify.go
var typeFiles embed.FS

// Table is the reference of all keys as a Markdown table: key, default, meaning with unit and special values, and whether
// a change takes effect without a restart.
func Table() (string, error) {
	docs, err := describe()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| Key | Default | Meaning | Reloads |\n|---|---|---|---|\n")
	for _, d := range docs {
		reloads := "restart"
		if d.reload {
			reloads = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.key, cell(d.value), cell(d.meaning), reloads)
	}
	return b.String(), nil
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// description is one key as its field's comment describes it.
type description struct {
	key     string // such as sources[].tokens[].sha256
	comment string // the whole comment, in one line
	meaning string // the comment without what follows
	value   string // the default: a value in backticks, or words
	reload  bool
}

// describe lists all keys in the order of the types.
func describe() ([]description, error) {
	comments, err := fieldComments()
	if err != nil {
		return nil, err
	}
	var all []description
	var walk func(t reflect.Type, path string, reload bool)
	walk = func(t reflect.Type, path string, reload bool) {
		for sf := range t.Fields() {
			key, reload := join(path, yamlName(sf)), reload || sf.Tag.Get("reload") == "yes"
			if comment := comments[t.Name()+"."+sf.Name]; isScalar(sf.Type) || sf.Type.Kind() != reflect.Struct {
				all = append(all, newDescription(key, comment, reload))
			}
			switch elem := sf.Type; {
			case isScalar(elem):
			case elem.Kind() == reflect.Struct:
				walk(elem, key, reload)
			case elem.Elem().Kind() != reflect.Struct:
			case elem.Kind() == reflect.Slice:
				walk(elem.Elem(), key+"[]", reload)
			case elem.Kind() == reflect.Map:
				walk(elem.Elem(), key+".<type>", reload)
			}
		}
	}
	walk(reflect.TypeFor[Config](), "", false)
	return all, nil
}

var defaultOf = regexp.MustCompile(` ?(?:Default (.+)|(Required))\.$`)

func newDescription(key, comment string, reload bool) description {
	d := description{key: key, comment: comment, meaning: defaultOf.ReplaceAllString(comment, ""), reload: reload}
	m := defaultOf.FindStringSubmatch(comment)
	switch {
	case m == nil:
	case m[2] != "":
		d.value = "required"
	case m[1] == "empty" || m[1] == "none" || strings.Contains(m[1], " "):
		d.value = m[1]
	default:
		d.value = "`" + m[1] + "`"
	}
	return d
}

// fieldComments reads the comments of all fields, by Type.Field, each in one line.
func fieldComments() (map[string]string, error) {
	comments := map[string]string{}
	for _, name := range []string{"types.go", "source.go", "destination.go", "auth.go", "apify.go"} {
		text, err := typeFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("describe the configuration: %w", err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("describe the configuration: %w", err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if structure, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range structure.Fields.List {
					for _, name := range field.Names {
						comments[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
					}
				}
			}
			return false
		})
	}
	return comments, nil
}
