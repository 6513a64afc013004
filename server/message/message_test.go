package message

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
)

// Two messages with one identifier would make one of them unfindable, and a
// logger without a name could not be configured.
func TestCatalogueIsSound(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "catalogue.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		kv, ok := n.(*ast.KeyValueExpr)
		if !ok || kv.Key.(*ast.Ident).Name != "ID" {
			return true
		}
		id, err := strconv.Unquote(kv.Value.(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if seen[id] {
			t.Errorf("%s stands twice", id)
		}
		seen[id] = true
		return true
	})
	if len(seen) < 145 {
		t.Errorf("%d identifiers, want all 145 of Kea that tools search for", len(seen))
	}
	for l := Root + 1; l < Loggers; l++ {
		if l.String() == "" {
			t.Errorf("logger %d has no name", l)
		}
	}
}
