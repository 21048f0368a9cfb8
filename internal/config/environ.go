package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/joho/godotenv"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// maxDotenv bounds the .env file, in bytes.
const maxDotenv = 64 << 10

// Environment is what surrounds a command: the variables of its process and,
// behind them, those of the file .env.
type Environment struct {
	vars   map[string]string
	dotenv map[string]string
	path   string // of the .env file
	text   string // its contents
}

// Load takes the variables in the form of os.Environ and reads the .env file at
// path; a file that is not there is fine. With an error the Environment is
// usable all the same and holds the variables alone.
func Load(environ []string, path string) (*Environment, error) {
	e := &Environment{vars: map[string]string{}, path: path}
	for _, v := range environ {
		if name, value, ok := strings.Cut(v, "="); ok {
			e.vars[name] = value
		}
	}
	text, err := readDotenv(path)
	if err != nil {
		return e, lang.Text{ES: "no se puede leer %s: %v", EN: "cannot read %s: %v"}.Fill(path, lang.System(err))
	}
	vars, ok := parseDotenv(text)
	if !ok {
		return e, lang.Text{
			ES: "%s:%d: línea mal formada; se espera NOMBRE=valor",
			EN: "%s:%d: malformed line; want NAME=value",
		}.Fill(path, brokenLine(text))
	}
	e.dotenv, e.text = vars, text
	return e, nil
}

// Getenv returns a variable of the process, not of .env; empty if it is not set.
func (e *Environment) Getenv(name string) string { return e.vars[name] }

// lookup finds a variable and says where. One that is set but empty counts as
// not set: that is how a shell script leaves a setting alone.
func (e *Environment) lookup(name string) (value, source string, ok bool) {
	if value := e.vars[name]; value != "" {
		return value, name, true
	}
	if value := e.dotenv[name]; value != "" {
		return value, fmt.Sprintf("%s:%d: %s", e.path, settingLine(e.text, name), name), true
	}
	return "", "", false
}

func readDotenv(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close() // opened for reading only: nothing can be lost
	b, err := io.ReadAll(io.LimitReader(f, maxDotenv+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxDotenv {
		return "", lang.Text{ES: "ocupa más de %d bytes", EN: "it is over %d bytes"}.Fill(maxDotenv)
	}
	return strings.TrimPrefix(string(b), "\ufeff"), nil
}

func parseDotenv(text string) (map[string]string, bool) {
	vars, err := godotenv.Unmarshal(text)
	if err != nil {
		return nil, false // the library's message quotes the file, secrets and all
	}
	if _, nameless := vars[""]; nameless {
		return nil, false // a last line without "=", which the library lets pass
	}
	return vars, true
}

// brokenLine finds the line, from 1, at which the file stops making sense: the
// one after the longest readable beginning. The library does not tell, and a value
// may span lines. Slow, but only on the way to an error.
func brokenLine(text string) int {
	lines := strings.SplitAfter(text, "\n")
	for n := len(lines) - 1; n > 0; n-- {
		if _, ok := parseDotenv(strings.Join(lines[:n], "")); ok {
			return n + 1
		}
	}
	return 1
}

// settingLine finds the line, from 1, that gave the variable its value: the
// last at which a readable beginning of the file changes it.
func settingLine(text, name string) int {
	line, last := 1, ""
	lines := strings.SplitAfter(text, "\n")
	for n := 1; n <= len(lines); n++ {
		if vars, ok := parseDotenv(strings.Join(lines[:n], "")); ok && vars[name] != last {
			line, last = n, vars[name]
		}
	}
	return line
}
