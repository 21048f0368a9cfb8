//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// The document has one section for each kind of run, and a run replaces its own.
// After each there is room for what a person has to say about it, which stays.
const documentHead = `# Benchmarks

Every figure on this page was written by a run of ` + "`make bench-peers`,\n`make bench-peers-scale`, `make bench-growth`, `make bench-identities` or `make bench-beyond`" + `. Each section says on
what machine, with which versions and commands.

`

var sections = []string{"peers", "peers notes", "scale", "scale notes", "growth", "growth notes", "identities", "identities notes", "beyond", "beyond notes"}

func marks(section string) (begin, end string) {
	by := "a run"
	if strings.HasSuffix(section, "notes") {
		by = "hand"
	}
	return "<!-- " + section + ": written by " + by + " -->\n", "<!-- end of " + section + " -->\n"
}

// writeSection puts a section in its place in the document.
func writeSection(root, section, text string) error {
	path := filepath.Join(root, "docs", "benchmarks.md")
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	document, err := replaceSection(string(old), section, wrap(text))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	progress("writing %s", path)
	return os.WriteFile(path, []byte(document), 0o644)
}

// replaceSection returns the document with another text in one of its sections.
func replaceSection(old, section, text string) (string, error) {
	document := documentHead
	for _, name := range sections {
		begin, end := marks(name)
		body := text
		if name != section {
			_, rest, found := strings.Cut(old, begin)
			if found {
				if body, _, found = strings.Cut(rest, end); !found {
					return "", fmt.Errorf("the section %q has no end", name)
				}
			} else if name != section+" notes" {
				continue
			} else {
				body = ""
			}
		}
		document += begin + body + end + "\n"
	}
	return strings.TrimRight(document, "\n") + "\n", nil
}

// width is how long a line of prose is at most.
const width = 100

// wrap breaks long lines of prose; tables, code and images stay as they are.
func wrap(text string) string {
	var b strings.Builder
	code := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if code || len([]rune(line)) <= width || strings.ContainsAny(line[:1], "|#!<") {
			b.WriteString(line)
			continue
		}
		mark := ""
		if strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "> ") {
			mark = strings.ReplaceAll(line[:2], "-", " ")
		}
		wrapLine(&b, line, mark)
	}
	return b.String()
}

// wrapLine breaks one line at its spaces; mark is what further lines begin with.
func wrapLine(b *strings.Builder, line, mark string) {
	n := 0
	for i, word := range strings.Fields(line) {
		length := len([]rune(word))
		switch {
		case i > 0 && n+1+length > width:
			b.WriteString("\n" + mark)
			n = len(mark)
		case i > 0:
			b.WriteString(" ")
			n++
		}
		b.WriteString(word)
		n += length
	}
	b.WriteString("\n")
}

// writeImage writes a chart and returns the line that shows it.
func writeImage(root, name, alternative, svg string) (string, error) {
	dir := filepath.Join(root, "docs", "img")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return fmt.Sprintf("![%s](img/%s)\n", alternative, name), os.WriteFile(filepath.Join(dir, name), []byte(svg), 0o644)
}

// origin is the beginning of a section: where, when and with what.
func (m *machine) origin(s *settings, versions ...string) string {
	var b strings.Builder
	if s.quick {
		b.WriteString("> **A quick run**, made to see that everything works: its figures mean little.\n\n")
	}
	fmt.Fprintf(&b, "`%s`, %s, rounds: %d, %v each measurement.\n\n", s.command, time.Now().UTC().Format("2 January 2006 15:04 UTC"), s.rounds, s.seconds)
	fmt.Fprintf(&b, "- Machine: %s; %s of memory; %s, Linux %s. Load and servers share it.\n", m.processor, m.memory, m.system, m.kernel)
	fmt.Fprintf(&b, "- Data on %s; a write and fdatasync of 4 KiB takes %s µs (median).\n", m.disk, figure(micros(m.sync)))
	fmt.Fprintf(&b, "- Cuenta %s with %s", revision(s.root), runtime.Version())
	for _, v := range versions {
		b.WriteString("; " + v)
	}
	b.WriteString(".\n\n")
	return b.String()
}

// revision tells which state of the repository was measured.
func revision(root string) string {
	cmd := exec.Command("git", "describe", "--always", "--dirty")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return "(unknown revision)"
	}
	return strings.TrimSpace(string(out))
}
