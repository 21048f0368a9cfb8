package resp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// The table of commands in the documents is made from the one in the code:
// go test -run Documented -update writes it anew.
func TestCommandsAreDocumented(t *testing.T) {
	var doc bytes.Buffer
	doc.WriteString("# Redis commands\n\n" +
		"The commands that the `resp` front knows, made from its own table. They answer as Redis does; what differs is\n" +
		"in [protocols.md](protocols.md). `COMMAND DOCS` tells the same to clients.\n")
	rows := newTable().rows
	for _, group := range []string{"string", "generic", "transactions", "connection", "server"} {
		fmt.Fprintf(&doc, "\n## %s\n\n| command | since Redis | |\n|---|---|---|\n", strings.ToUpper(group[:1])+group[1:])
		for _, c := range rows {
			if c.group != group {
				continue
			}
			documentRow(&doc, strings.ToUpper(c.name), c)
			for _, sub := range c.subs {
				documentRow(&doc, strings.ToUpper(c.name+" "+sub.name), sub)
			}
		}
	}
	golden(t, "../../../docs/redis-commands.md", doc.Bytes())
}

func documentRow(doc *bytes.Buffer, name string, c *command) {
	call := strings.TrimSpace(name + " " + c.syntax)
	fmt.Fprintf(doc, "| `%s` | %s | %s |\n", strings.ReplaceAll(call, "|", "\\|"), c.since, c.summary)
}

func TestTheTableIsComplete(t *testing.T) {
	groups := make(map[string]bool)
	var check func(c *command)
	check = func(c *command) {
		does := 0
		for _, something := range []bool{c.ask != nil, c.run != nil, c.control != nil} {
			if something {
				does++
			}
		}
		resets := c.name == "reset" // decides on what follows, and has an answer of its own
		if does != 1 && len(c.subs) == 0 && !resets {
			t.Errorf("%s does %d things", c.full, does)
		}
		switch {
		case len(c.name) > longestName || strings.ToLower(c.name) != c.name:
			t.Errorf("%s cannot be found", c.name)
		case c.arity == 0 || c.summary == "" || c.since == "" || c.group == "":
			t.Errorf("%s: something is missing", c.full)
		case !strings.HasSuffix(c.summary, "."):
			t.Errorf("%s: the summary is no sentence", c.full)
		case (c.first == 0) != (c.last == 0) || (c.first == 0) != (c.step == 0):
			t.Errorf("%s: where its keys are is told by halves", c.full)
		case c.ask != nil && c.first == 0 && c.name != "unwatch":
			t.Errorf("%s asks of no counter", c.full)
		case c.run == nil && c.flags&looks != 0:
			t.Errorf("%s looks, but is not run", c.full)
		}
		groups[c.group] = true
		for _, sub := range c.subs {
			check(sub)
		}
	}
	seen := make(map[string]bool)
	for _, c := range newTable().rows {
		if seen[c.name] {
			t.Errorf("%s is there twice", c.name)
		}
		seen[c.name] = true
		check(c)
	}
	if len(groups) != 5 {
		t.Errorf("the document has five groups, the table %v", groups)
	}
}
