package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

const root = "../.."

// page is a document: its prose, and its blocks of code.
type page struct {
	path     string
	headings []string // with their #
	prose    string
	blocks   []string
}

func read(t *testing.T, path string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	p := page{path: path}
	var prose, block strings.Builder
	inBlock := false
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "```") && inBlock:
			p.blocks = append(p.blocks, block.String())
			block.Reset()
			inBlock = false
		case strings.HasPrefix(line, "```"):
			inBlock = true
		case inBlock:
			block.WriteString(line)
		default:
			if strings.HasPrefix(line, "#") {
				p.headings = append(p.headings, strings.TrimSpace(line))
			}
			prose.WriteString(line)
		}
	}
	if inBlock {
		t.Errorf("%s: a block of code has no end", path)
	}
	p.prose = prose.String()
	return p
}

// pages returns all documents of the repository.
func pages(t *testing.T) (all []page) {
	t.Helper()
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			relative, err := filepath.Rel(root, path)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, read(t, relative))
		}
	}
	if len(all) < 8 {
		t.Fatalf("only %d documents found", len(all))
	}
	return all
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	checked := 0
	for _, p := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(p.prose, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			checked++
			path, anchor, _ := strings.Cut(m[1], "#")
			target := p.path
			if path != "" {
				target = filepath.Join(filepath.Dir(p.path), path)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s: %v", p.path, m[1], err)
				continue
			}
			if anchor != "" && !slices.ContainsFunc(read(t, target).headings, func(h string) bool { return slug(h) == anchor }) {
				t.Errorf("%s links to %s, and there is no such heading", p.path, m[1])
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d links found", checked)
	}
}

// slug is the anchor that a heading gets where the documents are shown.
func slug(heading string) string {
	text := strings.ToLower(strings.TrimLeft(heading, "# "))
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return r
		}
		return -1
	}, text)
}

// commands returns what is typed in a block: the lines behind a prompt, or all of
// a program.
func commands(block string) (typed []string) {
	for line := range strings.Lines(block) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			typed = append(typed, strings.TrimSpace(command))
		}
	}
	if typed == nil {
		return []string{block}
	}
	return typed
}

func TestBothReadmesSayTheSame(t *testing.T) {
	english, spanish := read(t, "README.md"), read(t, "README.es.md")
	if e, s := levels(english), levels(spanish); !slices.Equal(e, s) {
		t.Errorf("the headings differ: %v and %v", english.headings, spanish.headings)
	}
	if len(english.blocks) != len(spanish.blocks) {
		t.Fatalf("%d blocks of code and %d", len(english.blocks), len(spanish.blocks))
	}
	for i := range english.blocks {
		if e, s := commands(english.blocks[i]), commands(spanish.blocks[i]); !slices.Equal(e, s) {
			t.Errorf("block %d differs:\n%q\n%q", i+1, e, s)
		}
	}
	if e, s := strings.Count(english.prose, "\n- "), strings.Count(spanish.prose, "\n- "); e != s {
		t.Errorf("%d points in lists and %d", e, s)
	}
}

func levels(p page) (all []int) {
	for _, h := range p.headings {
		all = append(all, len(h)-len(strings.TrimLeft(h, "#")))
	}
	return all
}

func TestLinesAreShort(t *testing.T) {
	const longest = 120 // characters; tables and links cannot be wrapped
	for _, p := range pages(t) {
		for line := range strings.Lines(p.prose) {
			if len([]rune(line)) > longest && !strings.HasPrefix(line, "|") && !strings.Contains(line, "](") {
				t.Errorf("%s: this line is long: %s", p.path, line)
			}
		}
	}
}
