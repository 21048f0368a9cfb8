// Package house checks the structure of the project: which package may import
// which, and the bounds on the size of files and functions.
package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/cuenta-server/cuenta"
	root   = "../.."
)

// floors lists the packages from the ground up. A package may import what is on
// a lower floor, and nothing on its own or above: so all arrows point one way.
// Fronts share a floor, so none can know another.
var floors = [][]string{
	{".", "proto/cuenta/v1", "internal/front/accept", "internal/prefetch", "internal/fifo"},
	{"proto/cuenta/v1/cuentav1connect", "internal/offheap", "internal/uuid", "internal/spawn", "internal/badnet", "internal/history", "internal/disk", "internal/lang", "internal/gate", "internal/queue", "internal/watch", "internal/wire/text", "internal/wire/resp", "internal/wire/ring", "internal/wire/idempotency", "internal/rpcclient", "internal/front/limit", "internal/front/stream"},
	{"internal/identity", "internal/terms", "internal/shm", "internal/config", "internal/journal"},
	{"internal/front/pump", "internal/ringclient"},
	{"internal/ledger", "internal/front/tcp", "internal/front/resp", "internal/front/udp", "internal/front/proc", "internal/front/local", "internal/front/api", "internal/front/web", "internal/front/rpc", "internal/inspect", "internal/bench", "internal/transfer", "internal/demo", "client"},
	{"internal/engine", "internal/cli"},
	{"internal/server", "internal/sim"},
	{"cmd/cuenta", "internal/sim/run"},
}

// barred are arrows that the floors would allow and the house does not.
var barred = []struct{ from, to, why string }{
	{"internal/front/", "internal/journal", "fronts know the service by the root package only"},
	{"internal/front/", "internal/ledger", "fronts know the service by the root package only"},
	{"internal/front/", "internal/gate", "fronts know the service by the root package only"},
	{"internal/front/", "internal/queue", "fronts know the service by the root package only"},
	{"internal/wire/", "internal/", "a codec does no more than bytes and requests"},
	{"internal/ledger", "internal/journal", "the ledger does no input or output"},
	{"internal/ledger", "internal/disk", "the ledger does no input or output"},
	{"internal/cli", "internal/journal", "the command line talks to a server or is handed what it runs"},
}

func TestImportsGoOneWay(t *testing.T) {
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		from := short(fields[0])
		if strings.HasPrefix(from, "test/") || strings.HasSuffix(from, "test") {
			continue // packages for tests only; see below that nothing else uses them
		}
		floor := floorOf(from)
		if floor < 0 {
			t.Errorf("%s has no place in the house: give it one in this test", from)
			continue
		}
		for _, path := range fields[1:] {
			if path != module && !strings.HasPrefix(path, module+"/") {
				if from == "." && strings.Contains(strings.Split(path, "/")[0], ".") {
					t.Errorf("the root package imports %s; it has the standard library only", path)
				}
				continue
			}
			to := short(path)
			if floorOf(to) < 0 || floorOf(to) >= floor {
				t.Errorf("%s imports %s, which is not below it", from, to)
			}
			for _, b := range barred {
				if strings.HasPrefix(from, b.from) && strings.HasPrefix(to, b.to) {
					t.Errorf("%s imports %s: %s", from, to, b.why)
				}
			}
		}
	}
}

func short(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

func floorOf(pkg string) int {
	return slices.IndexFunc(floors, func(floor []string) bool { return slices.Contains(floor, pkg) })
}

// The bounds are a ratchet: they may come down.
const (
	maxFile     = 600
	maxFunction = 70
)

// generated is how a program that writes Go marks its files.
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func TestRoomsAreSmall(t *testing.T) {
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if generated.Match(source) {
			return nil
		}
		if n := strings.Count(string(source), "\n"); n > maxFile {
			t.Errorf("%s has %d lines; split it where a name explains, at most %d", path, n, maxFile)
		}
		f, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || strings.HasSuffix(path, "_test.go") {
				continue
			}
			if n := files.Position(fn.End()).Line - files.Position(fn.Pos()).Line + 1; n > maxFunction {
				t.Errorf("%s: %s has %d lines, at most %d", path, fn.Name.Name, n, maxFunction)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
