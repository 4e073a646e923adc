package internal_test

import (
	"go/ast"
	"slices"
	"testing"
)

// A skipped test is a test that nobody misses, and a sleep is a guess about time: in a synctest bubble it is exact.
func TestTestsNeitherSkipNorSleep(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		bubbles := slices.Contains(file.imports, "testing/synctest")
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			call, isCall := node.(*ast.CallExpr)
			if !isCall || !file.test {
				return true
			}
			switch name := calledName(call); {
			case name == "time.Sleep" && !bubbles:
				t.Errorf("%s sleeps", file.set.Position(call.Pos()))
			case name == "t.Skip" || name == "t.Skipf" || name == "t.SkipNow":
				t.Errorf("%s skips", file.set.Position(call.Pos()))
			}
			return true
		})
	}
}

// calledName is "a.b" for a call of a.b(…), else empty.
func calledName(call *ast.CallExpr) string {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if operand, ok := selector.X.(*ast.Ident); ok {
		return operand.Name + "." + selector.Sel.Name
	}
	return ""
}
