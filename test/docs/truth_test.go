package docs

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/cli"
	"github.com/cuenta-server/cuenta/internal/front/resp"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

func TestHelpIsQuotedLiterally(t *testing.T) {
	var help, complaint bytes.Buffer
	status := cli.Program{}.Main([]string{"--lang", "en", "help", "serve"}, strings.NewReader(""), &help, &complaint, nil)
	if status != 0 || !strings.Contains(help.String(), "--data") {
		t.Fatalf("help serve: status %d, %s%s", status, &help, &complaint)
	}
	for _, block := range read(t, "docs/operating.md").blocks {
		if strings.Contains(block, help.String()) {
			return
		}
	}
	t.Errorf("docs/operating.md does not quote `cuenta help serve` as it is:\n%s", &help)
}

// row returns the cells of the table's row that begins with a quoted word.
func row(p page, first string) []string {
	for line := range strings.Lines(p.prose) {
		if strings.HasPrefix(line, "| `"+first+"` |") {
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			return cells
		}
	}
	return nil
}

func TestEveryCodeIsExplained(t *testing.T) {
	fates := map[cuenta.Fate]string{cuenta.Applied: "applied", cuenta.NotApplied: "not applied", cuenta.FateUnknown: "**unknown**"}
	p := read(t, "docs/protocols.md")
	last := 0
	for code := cuenta.OK; code < cuenta.NumCodes; code++ {
		cells := row(p, code.String())
		if len(cells) != 7 {
			t.Errorf("docs/protocols.md has no row of seven cells for the code %s", code)
			continue
		}
		if at := strings.Index(p.prose, "| `"+code.String()+"` |"); at < last {
			t.Errorf("docs/protocols.md has %s out of order, and on the rings codes are numbers", code)
		} else {
			last = at
		}
		if want := fates[code.Fate()]; cells[2] != want {
			t.Errorf("the fate of %s is %q, and docs/protocols.md says %q", code, want, cells[2])
		}
		if code != cuenta.OK && (cells[3] != "`error "+code.String()+" …`" || cells[5] != "`"+code.String()+": …`") {
			t.Errorf("docs/protocols.md maps %s to %s and %s", code, cells[3], cells[5])
		}
		if word := redisWord(code); word != "" && cells[6] != "`"+word+" …`" {
			t.Errorf("docs/protocols.md maps %s to %s, and the Redis protocol says %s", code, cells[6], word)
		}
	}
}

// redisWord returns the first word of the error that INCR gets for a code. Codes
// that are no error of it have none.
func redisWord(code cuenta.Code) string {
	if code == cuenta.OK || code == cuenta.Unmet {
		return ""
	}
	s := resp.New(resp.Config{}).NewSession("peer", "local")
	defer s.Close()
	s.Filled(copy(s.Space(), "INCR a\r\n"))
	var b cuenta.Batch
	s.Decode(&b, cuenta.MaxBatch)
	answer := string(s.AppendAnswers(nil, []cuenta.Result{{Code: code}}))
	word, _, _ := strings.Cut(strings.TrimPrefix(answer, "-"), " ")
	return word
}

// The answers to lines that need no counter, in docs/protocols.md: one or two
// quoted lines, then the quoted answer.
var answerRow = regexp.MustCompile("(?m)^\\| `([^`]+)`(?:, `([^`]+)`)? \\| `([^`]+)`(?:; .*)? \\|$")

func TestAnswersAreThoseOfTheProtocol(t *testing.T) {
	checked := 0
	for _, m := range answerRow.FindAllStringSubmatch(read(t, "docs/protocols.md").prose, -1) {
		for _, line := range m[1:3] {
			if line == "" {
				continue
			}
			checked++
			var r cuenta.Request
			if got := strings.TrimSpace(text.Decode([]byte(line), &r).Answer()); got != m[3] {
				t.Errorf("%q is answered %q, and docs/protocols.md says %q", line, got, m[3])
			}
		}
	}
	if checked < 15 {
		t.Errorf("only %d lines found", checked)
	}
}

// names are the declarations of the repository, as the documents name them.
type names struct {
	packages map[string]bool
	all      map[string]bool            // engine.Open, (*Engine).Do, TestMain …
	files    []string                   // with slashes
	tests    map[string]map[string]bool // of a file, its functions
}

func declared(t *testing.T) names {
	t.Helper()
	n := names{packages: map[string]bool{}, all: map[string]bool{}, tests: map[string]map[string]bool{}}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		file := "/" + filepath.ToSlash(path)
		n.files = append(n.files, file)
		n.tests[file] = map[string]bool{}
		n.packages[f.Name.Name] = true
		for _, decl := range f.Decls {
			n.add(f.Name.Name+".", decl)
			if function, ok := decl.(*ast.FuncDecl); ok && goTest.MatchString(function.Name.Name) {
				n.tests[file][function.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (n names) add(pkg string, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			n.all[pkg+d.Name.Name] = true
			n.all[d.Name.Name] = true
			return
		}
		receiver := d.Recv.List[0].Type
		if star, ok := receiver.(*ast.StarExpr); ok {
			receiver = star.X
		}
		if generic, ok := receiver.(*ast.IndexExpr); ok {
			receiver = generic.X
		}
		name := receiver.(*ast.Ident).Name
		n.all[pkg+"(*"+name+")."+d.Name.Name] = true
		n.all[name+"."+d.Name.Name] = true
		n.all[pkg+name+"."+d.Name.Name] = true
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			n.addSpec(pkg, spec)
		}
	}
}

func (n names) addSpec(pkg string, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range s.Names {
			n.all[pkg+name.Name] = true
		}
	case *ast.TypeSpec:
		n.all[pkg+s.Name.Name] = true
		var fields *ast.FieldList
		switch kind := s.Type.(type) {
		case *ast.StructType:
			fields = kind.Fields
		case *ast.InterfaceType:
			fields = kind.Methods
		default:
			return
		}
		for _, field := range fields.List {
			for _, name := range field.Names {
				n.all[pkg+s.Name.Name+"."+name.Name] = true
			}
		}
	}
}

var (
	quoted   = regexp.MustCompile("`([^`\n]+)`")
	goName   = regexp.MustCompile(`^([a-z]+)\.(\(\*\w+\)\.\w+|\w+(\.\w+)?)$`)
	goFile   = regexp.MustCompile(`^[\w/]*\w+\.go$`)
	goTest   = regexp.MustCompile(`^(Test|Fuzz)[A-Z]\w+$`)
	ourPath  = regexp.MustCompile(`^(internal|test|cmd|docs)/[\w/]+$`)
	bareCall = regexp.MustCompile(`^[a-z]+\.[a-z]\w+$`) // process.pump: a type of the file's package
)

func TestWhatArchitectureNamesExists(t *testing.T) {
	n := declared(t)
	if checked := n.check(t, "docs/architecture.md"); checked < 150 {
		t.Errorf("only %d names found", checked)
	}
	if checked := n.check(t, "docs/guarantees.md"); checked < 40 {
		t.Errorf("only %d names found", checked)
	}
}

// A file and, in brackets behind it, tests that it has.
var testsOf = regexp.MustCompile("`([\\w/]+_test\\.go)` \\(((?:`(?:Test|Fuzz)\\w+`(?:, )?)+)\\)")

func TestPromisesNameTheirTests(t *testing.T) {
	n := declared(t)
	checked := 0
	for _, m := range testsOf.FindAllStringSubmatch(read(t, "docs/guarantees.md").prose, -1) {
		for _, test := range quoted.FindAllStringSubmatch(m[2], -1) {
			checked++
			if !n.hasTest(m[1], test[1]) {
				t.Errorf("docs/guarantees.md names %s in %s, which is not there", test[1], m[1])
			}
		}
	}
	if checked < 40 {
		t.Errorf("only %d tests found", checked)
	}
}

// check looks up all that a document quotes and that looks like one of our names,
// and returns how many that were.
func (n names) check(t *testing.T, document string) (checked int) {
	t.Helper()
	for _, m := range quoted.FindAllStringSubmatch(read(t, document).prose, -1) {
		name := m[1]
		exists := true
		switch {
		case goFile.MatchString(name):
			exists = n.hasFile(name)
		case goTest.MatchString(name):
			exists = n.all[name]
		case ourPath.MatchString(name):
			_, err := os.Stat(filepath.Join(root, name))
			exists = err == nil
		case goName.MatchString(name) && n.packages[goName.FindStringSubmatch(name)[1]], bareCall.MatchString(name):
			exists = n.all[name]
		default:
			continue
		}
		checked++
		if !exists {
			t.Errorf("%s names `%s`, which does not exist", document, name)
		}
	}
	return checked
}

// hasTest reports whether a file whose path ends so has that test.
func (n names) hasTest(end, test string) bool {
	for file, tests := range n.tests {
		if strings.HasSuffix(file, "/"+end) && tests[test] {
			return true
		}
	}
	return false
}

// hasFile reports whether a file of that name, or path's end, exists.
func (n names) hasFile(end string) bool {
	for _, file := range n.files {
		if strings.HasSuffix(file, "/"+end) {
			return true
		}
	}
	return false
}
