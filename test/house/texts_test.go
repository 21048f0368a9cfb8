package house

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTextsSayTheSame: a text is there in both languages, and both have room for the same
// arguments.
func TestTextsSayTheSame(t *testing.T) {
	texts := 0
	inspectAll(t, func(at token.Position, n ast.Node) {
		if es, en, ok := textOf(n); ok {
			texts++
			if a, b := verbs(es), verbs(en); es == "" || en == "" || !slices.Equal(a, b) {
				t.Errorf("%s: %q and %q have the verbs %q and %q", at, es, en, a, b)
			}
		}
	})
	if texts < 300 {
		t.Errorf("only %d texts were found", texts)
	}
}

// TestSayingsAreSaid: what the command line knows in Spanish of what servers say in English
// is what they say, with anything in place of a saying's %s.
func TestSayingsAreSaid(t *testing.T) {
	said, sayings := map[string]bool{}, []string{}
	inspectAll(t, func(at token.Position, n ast.Node) {
		if filepath.Base(at.Filename) == "sayings.go" {
			if _, en, ok := textOf(n); ok {
				sayings = append(sayings, en)
			}
		} else if e, ok := n.(ast.Expr); ok {
			if text, ok := written(e); ok {
				said[verb.ReplaceAllString(text, "%s")] = true
			}
		}
	})
	if len(sayings) == 0 {
		t.Error("there are no sayings")
	}
	for _, s := range sayings {
		if !said[s] {
			t.Errorf("nobody says %q", s)
		}
	}
}

// inspectAll shows every node of the project's code, but for tests.
func inspectAll(t *testing.T, show func(at token.Position, n ast.Node)) {
	t.Helper()
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if n != nil {
				show(files.Position(n.Pos()), n)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// textOf returns both languages of a text that is written out.
func textOf(n ast.Node) (es, en string, ok bool) {
	literal, isLiteral := n.(*ast.CompositeLit)
	if !isLiteral || len(literal.Elts) != 2 {
		return "", "", false
	}
	said := map[string]string{}
	for _, e := range literal.Elts {
		pair, isPair := e.(*ast.KeyValueExpr)
		if !isPair {
			return "", "", false
		}
		key, isName := pair.Key.(*ast.Ident)
		text, isText := written(pair.Value)
		if !isName || !isText {
			return "", "", false
		}
		said[key.Name] = text
	}
	es, hasES := said["ES"]
	en, hasEN := said["EN"]
	return es, en, hasES && hasEN
}

// written returns what an expression of string literals says.
func written(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			return constant.StringVal(constant.MakeFromLiteral(e.Value, e.Kind, 0)), true
		}
	case *ast.ParenExpr:
		return written(e.X)
	case *ast.BinaryExpr:
		a, isA := written(e.X)
		b, isB := written(e.Y)
		return a + b, isA && isB && e.Op == token.ADD
	}
	return "", false
}

var verb = regexp.MustCompile(`%([-+# 0]*[0-9.]*)(\[(\d+)\])?([a-zA-Z%])`)

// verbs returns which arguments a text has room for, and how each is shown, by their places.
// An argument may be left out or come twice where places are told.
func verbs(text string) (shown []string) {
	place := 0
	for _, m := range verb.FindAllStringSubmatch(text, -1) {
		if m[4] == "%" {
			continue
		}
		place++
		at := string(rune('0' + place))
		if m[3] != "" {
			at = m[3]
		}
		shown = append(shown, at+m[1]+m[4])
	}
	slices.Sort(shown)
	return slices.Compact(shown)
}
