package resp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// preface is what the table cannot know.
const preface = `# Redis commands

The commands that the resp front knows, made from its own table; COMMAND DOCS tells the same to clients. Tests send
the same commands to a Redis 7.0 and compare the answers byte by byte. They are the same but for this, and
for the commands under Cuenta, which are ours:

- A value is an integer as Redis writes it (-1, 0, 25). SET and its like refuse any other with
  "ERR value is not an integer or out of range", before they look at their condition.
- A name is 1 to 255 bytes of UTF-8 without spaces and control characters. Every command refuses other names.
- Counters do not expire, and SET refuses EX, PX, EXAT and PXAT. Other types, scripts, subscriptions and FLUSHALL are
  unknown commands.
- A command has at most 1 MiB, 4096 keys and 12,288 arguments; before its first valid command a client may send
  160 KiB, 16 KiB in one argument. A transaction has at most 4096 commands, 4096 operations and 1 MiB.
- An argument that does not end in CR LF ends the connection; Redis passes over whatever two bytes are there.
- WATCH goes by revisions: a counter that did not exist, was made and was deleted again counts as unchanged.
- Commands that look at all counters (SCAN, KEYS, DBSIZE, INFO) see the end of the transaction that they are in.
- SCAN looks at no more than 4096 counters a call, and KEYS is refused where there are more than 100,000.
- HELLO and INFO give 7.4.0 as the version of Redis, because clients choose what they use by it. INFO has
  cuenta_version, too.

An error's first word tells what became of the command:

| word | meaning |
|---|---|
| ERR | refused; nothing was changed |
| TRYAGAIN | the server is at a limit or is stopping; nothing was changed, and many clients repeat it by themselves |
| MISCONF | the disk is full, or the journal has failed; nothing was changed |
| OOM | the table of counters is full; nothing was changed |
| UNKNOWN | the journal failed meanwhile; the change may or may not survive |
| CONFLICT | the identity was used for another change; nothing was changed |
| TOOOLD | the identity may have been forgotten; its change may or may not have been made |
| TOONEW | the time in the key is more than a minute ahead; nothing was changed |
| NOSESSION | the session was never granted, or has ended; what it had sent may or may not have been made |
| EXECABORT | the transaction was not carried out |

Where OOM answers a command on several keys, or a transaction, the changes before it in the same command were made.
With an identity a command on several keys is carried out as a whole or not at all.
`

// identities stands before the commands that no Redis has.
const identities = `These are ours, and let a client repeat a change that was not answered, and have it counted once. Any client library
can send them as a plain command.

` + "```" + `
CUENTA.ONCE order-7711 INCRBY visits 5            the key is the sender's choice: 1 to 128 visible ASCII characters
CUENTA.SESSION                                    answers an id such as 00c5b1e29d0a4f17, for
CUENTA.SEQ 00c5b1e29d0a4f17 1 INCR visits         requests with numbers from 1, in any order within 128
CUENTA.SEQ 00c5b1e29d0a4f17 9 LOWEST 7 INCR a     7 and above may still be repeated, what is below 7 is forgotten
CUENTA.OUTCOME order-7711                         1) "state" 2) "applied" 3) "value" 4) 5 5) "revision" 6) 1
CUENTA.OUTCOME 00c5b1e29d0a4f17 8                 1) "state" 2) "absent"
` + "```" + `

- The reply is that of the command inside. A repeat gets the reply that the first one had, a refusal such as an
  overflow or a condition that did not hold as well, and nothing is changed again.
- Inside may be INCR, INCRBY, DECR, DECRBY, SET, SETNX, GETSET, GETDEL, MSET, DEL and UNLINK, the last three with at
  most 4095 keys. Commands that only read need no identity and are refused with one.
- Inside MULTI … EXEC they are queued like any other command. A transaction that is sent again gets the first
  replies to those that have an identity, and carries out the others again.
- The same identity with another change is refused with CONFLICT. INCR a and INCRBY a 1 are the same change.
- CUENTA.OUTCOME answers a map, in version 2 of the protocol an array of names and values. The state is one of
  - applied, with value and revision: of the counter after the change, or before it for GETDEL, GETSET and SET … GET;
    of several keys the value is how many of them were set or deleted, and the revision 0;
  - refused, with the error: overflow, unmet or aborted;
  - absent: nothing was done under that identity so far;
  - forgotten: it may be too old to be known, or there is no such session.

`

var documented = []string{"string", "generic", "transactions", "connection", "server", "cuenta"}

// The table of commands in the documents is made from the one in the code:
// go test -run Documented -update writes it anew.
func TestCommandsAreDocumented(t *testing.T) {
	var doc bytes.Buffer
	doc.WriteString(preface)
	rows := newTable().rows
	for _, group := range documented {
		fmt.Fprintf(&doc, "\n## %s\n\n", strings.ToUpper(group[:1])+group[1:])
		origin := "Redis"
		if group == "cuenta" {
			origin = "Cuenta"
			doc.WriteString(identities)
		}
		fmt.Fprintf(&doc, "| command | since %s | |\n|---|---|---|\n", origin)
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
		case c.ask != nil && c.first == 0 && c.name != "unwatch" && c.group != "cuenta":
			t.Errorf("%s asks of no counter", c.full)
		case (c.wraps != nil) != (c.flags&movable != 0):
			t.Errorf("%s: whether its keys move is told by halves", c.full)
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
	if len(groups) != len(documented) {
		t.Errorf("the document has the groups %v, the table %v", documented, groups)
	}
}
