package cuentav1

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGeneratedCodeIsFresh generates the code again.
func TestGeneratedCodeIsFresh(t *testing.T) {
	buf, err := exec.LookPath("buf")
	if err != nil {
		t.Skip("buf is missing: go install github.com/bufbuild/buf/cmd/buf@v1.75.0")
	}
	fresh := t.TempDir()
	generate := exec.Command(buf, "generate", "--template", "../../buf.gen.yaml", "--output", fresh, "../..")
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"counters.pb.go", "identity.pb.go", "terms.pb.go", "watch.pb.go",
		"cuentav1connect/counters.connect.go", "cuentav1connect/watch.connect.go"} {
		is, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		should, err := os.ReadFile(filepath.Join(fresh, "cuenta/v1", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(is, should) {
			t.Errorf("%s is stale: go generate ./proto/...", name)
		}
	}
	if out, err := exec.Command(buf, "lint", "../..").CombinedOutput(); err != nil {
		t.Errorf("buf lint: %s", out)
	}
}
