package transfer

import (
	"bytes"
	"regexp"
	"strings"
)

// variable is a line of a file .env: NAME=value, perhaps in quotes, perhaps with a
// comment behind.
var variable = regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*[=:]\s*("[^"]*"|'[^']*'|[^#"']*?)\s*(?:#.*)?$`)

// Such a file holds settings as well. What is no number is no counter, and nothing
// wrong.
const (
	kindSetting = "variable that is no integer"
	kindOwn     = "setting of this program"
)

// parseEnv reads a variable. One that holds an integer is a counter of its name.
func parseEnv(line []byte, entries []Entry) []Entry {
	if bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) {
		return entries
	}
	found := variable.FindSubmatch(line)
	if found == nil {
		return append(entries, Entry{Kind: kindSetting})
	}
	name := string(found[1])
	e := entryOf(name, strings.Trim(string(found[2]), `"'`))
	switch {
	case strings.HasPrefix(name, "CUENTA_"):
		e = Entry{Kind: kindOwn}
	case e.Wrong.EN != "":
		e = Entry{Kind: kindSetting}
	}
	return append(entries, e)
}
