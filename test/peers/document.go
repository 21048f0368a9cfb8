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
const documentHead = `# Benchmarks

Every figure on this page was written by a run of ` + "`make bench-peers`, `make bench-peers-scale` or `make bench-growth`" + `;
nothing is typed by hand. Each section says on what machine, with which versions and commands.

`

var sections = []string{"peers", "scale", "growth"}

func marks(section string) (begin, end string) {
	return "<!-- " + section + ": written by a run -->\n", "<!-- end of " + section + " -->\n"
}

// writeSection puts a section in its place in the document.
func writeSection(root, section, text string) error {
	path := filepath.Join(root, "docs", "benchmarks.md")
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var b strings.Builder
	b.WriteString(documentHead)
	for _, name := range sections {
		begin, end := marks(name)
		body := text
		if name != section {
			var found bool
			if _, body, found = strings.Cut(string(old), begin); !found {
				continue
			}
			if body, _, found = strings.Cut(body, end); !found {
				return fmt.Errorf("%s: the section %s has no end", path, name)
			}
		}
		b.WriteString(begin + body + end + "\n")
	}
	progress("writing %s", path)
	return os.WriteFile(path, []byte(strings.TrimRight(b.String(), "\n")+"\n"), 0o644)
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
	fmt.Fprintf(&b, "`%s`, %s, %d rounds of %v a measurement.\n\n", s.command, time.Now().UTC().Format("2 January 2006 15:04 UTC"), s.rounds, s.seconds)
	fmt.Fprintf(&b, "- Machine: %s; memory %s; %s, Linux %s. Load and servers share it.\n", m.processor, m.memory, m.system, m.kernel)
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
