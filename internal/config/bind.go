package config

import (
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// binder puts a parsed file into a [Config]. It goes on after a mistake, so that one run tells them all, and remembers
// where each key stood for problems that only show later.
type binder struct {
	file     string
	anchors  map[string]ast.Node
	origins  map[string]origin
	problems Problems
}

// bind sets v from the node. A section or list without anything in it sets nothing: its keys may all be commented out.
func (b *binder) bind(v reflect.Value, node ast.Node, path string) {
	node = b.resolve(node, path)
	switch {
	case node == nil:
	case isScalar(v.Type()):
		b.scalar(v, node, path)
	case node.Type() == ast.NullType:
	case v.Kind() == reflect.Struct:
		b.section(v, node, path)
	case v.Kind() == reflect.Map:
		b.entries(v, node, path)
	default:
		b.list(v, node, path)
	}
}

// section binds a mapping with a fixed set of keys.
func (b *binder) section(v reflect.Value, node ast.Node, path string) {
	b.pairs(node, path, func(name string, pair *ast.MappingValueNode) {
		key := join(path, name)
		for i := range v.NumField() {
			if sf := v.Type().Field(i); yamlName(sf) == name {
				b.mark(key, name, pair, sf.Type)
				b.bind(v.Field(i), pair.Value, key)
				return
			}
		}
		b.refuse(key, name, pair, "unknown key; "+suggestKey(v.Type(), path, name))
	})
}

// entries binds a mapping whose keys are free.
func (b *binder) entries(v reflect.Value, node ast.Node, path string) {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	b.pairs(node, path, func(name string, pair *ast.MappingValueNode) {
		key := path + "[" + name + "]"
		b.mark(key, name, pair, v.Type().Elem())
		elem := reflect.New(v.Type().Elem()).Elem()
		b.bind(elem, pair.Value, key)
		v.SetMapIndex(reflect.ValueOf(name), elem)
	})
}

// pairs calls each for every key of a mapping.
func (b *binder) pairs(node ast.Node, path string, each func(name string, pair *ast.MappingValueNode)) {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		b.complain(path, "has keys of its own; write them below it, indented, each as `key: value`")
		return
	}
	for iter := mapping.MapRange(); iter.Next(); {
		pair := iter.KeyValue()
		switch name := pair.Key.GetToken().Value; {
		case pair.Key.IsMergeKey():
			b.refuse(join(path, name), name, pair, "merge keys are not supported; write the keys out, or use an alias for a whole value")
		case strings.ContainsFunc(name, unicode.IsControl):
			b.refuse(join(path, hidden), hidden, pair, "the key "+errControl.Error())
		default:
			each(name, pair)
		}
	}
}

// list binds a sequence; it replaces what the list held before.
func (b *binder) list(v reflect.Value, node ast.Node, path string) {
	seq, ok := node.(*ast.SequenceNode)
	if !ok {
		b.complain(path, "is a list; write it as [a, b], or each item on a line of its own after a hyphen")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values)))
	for i, item := range seq.Values {
		key := path + "[" + strconv.Itoa(i) + "]"
		b.markItem(key, item, v.Type().Elem())
		if d, ok := reflect.TypeAssert[defaulted](v.Index(i).Addr()); ok {
			d.setDefaults()
		}
		b.bind(v.Index(i), item, key)
	}
}

// defaulted is an item whose keys have defaults other than the zero value.
type defaulted interface{ setDefaults() }

func (b *binder) scalar(v reflect.Value, node ast.Node, path string) {
	if node.Type() == ast.NullType {
		b.complain(path, `has no value; write one, "" for none, or delete the line for the default`)
		return
	}
	text, ok := scalarText(node)
	if !ok {
		b.complain(path, "is a single value; write it behind the key, on the same line, in quotes if it has a colon")
		return
	}
	if err := setText(v, text); err != nil {
		b.complain(path, err.Error())
	}
}

// scalarText is what was written, whatever type YAML gives it: a token of digits keeps its leading zeros.
func scalarText(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(n.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// resolve follows anchors, tags and aliases to the node that holds the value; nil after a complaint.
func (b *binder) resolve(node ast.Node, path string) ast.Node {
	const deepest = 16
	for range deepest {
		switch n := node.(type) {
		case *ast.AnchorNode:
			b.anchors[n.Name.GetToken().Value] = n.Value
			node = n.Value
		case *ast.TagNode:
			node = n.Value
		case *ast.AliasNode:
			node = b.anchors[n.Value.GetToken().Value]
			if node == nil {
				b.complain(path, "refers to an anchor that is not defined above it")
				return nil
			}
		default:
			return node
		}
	}
	b.complain(path, "refers to itself")
	return nil
}

func (b *binder) complain(path, text string) {
	b.problems = append(b.problems, at(b.file, b.origins, path, text))
}

// refuse complains of a key itself, whatever its value.
func (b *binder) refuse(path, name string, pair *ast.MappingValueNode, text string) {
	b.mark(path, name, pair, nil)
	b.complain(path, text)
}

// mark remembers where a key stands. t is the type of its value, nil for one that is not known.
func (b *binder) mark(path, name string, pair *ast.MappingValueNode, t reflect.Type) {
	pos := pair.Key.GetToken().Position
	o := origin{line: pos.Line, column: pos.Column}
	text, caret := shown(name)+": "+hidden, pos.Column
	if value, valuePos, ok := visible(name, pair.Value, t); ok {
		gap := 1
		if valuePos.Line == pos.Line {
			gap = max(gap, valuePos.Column-pos.Column-len([]rune(name))-1)
			o.column, caret = valuePos.Column, valuePos.Column
		}
		text = shown(name) + ":" + strings.Repeat(" ", gap) + value
	}
	o.excerpt = excerpt(pos.Line, pos.Column, text, caret)
	b.origins[path] = o
}

// markItem remembers where an item of a list stands.
func (b *binder) markItem(path string, item ast.Node, t reflect.Type) {
	pos := firstToken(item).Position
	o := origin{line: pos.Line, column: pos.Column}
	text := hidden
	if value, _, ok := visible("", item, t); ok {
		text = value
	}
	o.excerpt = excerpt(pos.Line, pos.Column, text, pos.Column)
	b.origins[path] = o
}

// visible is a scalar's text for an excerpt, unless it is a secret, could be one, or was meant to be something else.
func visible(name string, node ast.Node, t reflect.Type) (string, *token.Position, bool) {
	if t == nil || !isScalar(t) || isSecret(t) || node.Type() == ast.NullType {
		return "", nil, false
	}
	text, ok := scalarText(node)
	misplaced := name == "sha256" || (strings.HasSuffix(name, "_file") && !looksLikePath(text))
	if !ok || misplaced || strings.ContainsAny(text, "\r\n") {
		return "", nil, false
	}
	return shown(text), node.GetToken().Position, true
}

// firstToken is where a node begins; the token of a mapping is the colon behind its first key.
func firstToken(node ast.Node) *token.Token {
	if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		return m.Values[0].Key.GetToken()
	}
	return node.GetToken()
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
