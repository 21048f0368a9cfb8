package cli

import (
	"regexp"
	"strings"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// sayings are what a server says in English of something particular, which stands where
// %s does, and the same in Spanish. What is particular may be a saying itself.
var sayings = []lang.Text{
	{EN: "the limit %s leaves room for %s", ES: "el límite %s deja sitio para %s"},
	{
		EN: "port %s (%s) of the front %s is busy: %s holds it; end that, or choose another address with --%s",
		ES: "el puerto %s (%s) del servicio %s está ocupado: lo tiene %s; termínelo, o arranque el servidor con otra dirección en --%s",
	},
	{EN: "process %s (pid %s)", ES: "el proceso %s (pid %s)"},
	{EN: "process with pid %s", ES: "el proceso de pid %s"},
	{EN: "another process", ES: "otro proceso"},
	{
		EN: "the front %s was left out when the server was started; start the server with --%s ADDRESS",
		ES: "el servicio %s quedó fuera cuando se arrancó el servidor; arranque el servidor con --%s DIRECCIÓN",
	},
	{EN: "no front is named %s; there are: %s", ES: "ningún servicio se llama %s; los hay: %s"},
	{EN: "the local console is always there; it ends with the server", ES: "la consola local está siempre; acaba con el servidor"},
}

var patterns = patternsOf(sayings)

func patternsOf(sayings []lang.Text) (patterns []*regexp.Regexp) {
	for _, s := range sayings {
		patterns = append(patterns, regexp.MustCompile("^"+strings.ReplaceAll(regexp.QuoteMeta(s.EN), "%s", "(.+?)")+"$"))
	}
	return patterns
}

// inSpanish returns what a server said in English, if it is a saying.
func inSpanish(said string) (spanish string, known bool) {
	for i, pattern := range patterns {
		found := pattern.FindStringSubmatch(said)
		if found == nil {
			continue
		}
		var particulars []any
		for _, p := range found[1:] {
			if in, known := inSpanish(p); known {
				p = in
			}
			particulars = append(particulars, p)
		}
		return sayings[i].Fill(particulars...).ES, true
	}
	return "", false
}
