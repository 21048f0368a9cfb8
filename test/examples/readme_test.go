package examples

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryExampleIsRunAndListed compares the folder, the table of this test and
// the tables of both READMEs.
func TestEveryExampleIsRunAndListed(t *testing.T) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var files, tested []string
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".md" {
			files = append(files, entry.Name())
		}
	}
	for _, e := range examples {
		tested = append(tested, e.file)
	}
	slices.Sort(tested)
	if !slices.Equal(files, tested) {
		t.Errorf("there are %v, and the tests run %v", files, tested)
	}
	row := regexp.MustCompile(`(?m)^\| \[(\S+)\]\((\S+)\) .* \x60([^\x60]+)\x60 \|$`)
	for _, readme := range []string{"README.md", "README.es.md"} {
		text, err := os.ReadFile(filepath.Join(folder, readme))
		if err != nil {
			t.Fatal(err)
		}
		var listed []string
		for _, m := range row.FindAllStringSubmatch(string(text), -1) {
			if m[1] != m[2] {
				t.Errorf("%s: %s links to %s", readme, m[1], m[2])
			}
			listed = append(listed, m[1])
			if source, err := os.ReadFile(filepath.Join(folder, m[1])); err != nil {
				t.Errorf("%s: %v", readme, err)
			} else if command, _, _ := strings.Cut(m[3], " && "); !strings.Contains(string(source), command) {
				t.Errorf("%s says %q, and the head of %s does not", readme, command, m[1])
			}
		}
		slices.Sort(listed)
		if !slices.Equal(listed, files) {
			t.Errorf("%s lists %v, and there are %v", readme, listed, files)
		}
	}
}

// TestBothReadmesShowTheSame compares their blocks of code.
func TestBothReadmesShowTheSame(t *testing.T) {
	blocks := func(readme string) []string {
		text, err := os.ReadFile(filepath.Join(folder, readme))
		if err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile("(?s)```.*?```").FindAllString(string(text), -1)
	}
	if english, spanish := blocks("README.md"), blocks("README.es.md"); len(english) == 0 || !slices.Equal(english, spanish) {
		t.Errorf("the blocks of code differ:\n%q\n%q", english, spanish)
	}
}
