package config

import (
	"strings"
	"testing"
)

// FuzzDotenv: whatever a .env file holds, it is read, or the line is named from
// which on it cannot be; and each setting has a line that gives it its value.
func FuzzDotenv(f *testing.F) {
	for _, text := range []string{
		"", "\n\n# nothing\n", "CUENTA_TCP=127.0.0.1:2020\n", "A=1\nB\n", "A=1\r\nB=\"2\n3\"\r\nexport C='4'", "A: yaml", "A=$B ${B} $(b)",
		"=", "A", "A=1\nA=2\nA=1\n", "A='", "A=\"\\", "\x00=\xff", "ñ=1", "A =1 # no\n", "A=\\\nB=1",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<10 {
			t.Skip() // finding a line takes its time
		}
		lines := strings.SplitAfter(text, "\n")
		vars, ok := parseDotenv(text)
		if !ok {
			n := brokenLine(text)
			if n < 1 || n > len(lines) {
				t.Fatalf("line %d of %d", n, len(lines))
			}
			if _, ok := parseDotenv(strings.Join(lines[:n-1], "")); n > 1 && !ok {
				t.Fatalf("line %d is broken, and what is before it is as well", n)
			}
			return
		}
		for name, value := range vars {
			n := settingLine(text, name)
			if n < 1 || n > len(lines) {
				t.Fatalf("%q is set in line %d of %d", name, n, len(lines))
			}
			if before, _ := parseDotenv(strings.Join(lines[:n], "")); before[name] != value {
				t.Fatalf("line %d does not give %q the value %q", n, name, value)
			}
		}
	})
}
