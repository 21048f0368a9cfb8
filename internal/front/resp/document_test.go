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
- An end is never after the year 2262. No counter goes before
  its end, and none is seen after it, also after a restart; the time is the server's, which never goes back.
- INCREX is that of Redis 8.8 without BYFLOAT, and with IDMP, which is ours. What SATURATE adds may be more than an
  int64 holds: Redis refuses it, here it is done and told as the end of int64.
- A counter that has limits (CUENTA.LIMIT) keeps them whatever the command: what would pass one is refused with LIMIT.
  INCREX answers the value and 0 instead, but not where the limit is that of a total above.
- Other types, scripts, subscriptions and FLUSHALL are unknown commands.
- A command has at most 1 MiB, 4096 keys (MSET 4095) and 12,288 arguments; before its first valid command a client may
  send 160 KiB, 16 KiB in one argument. A transaction has at most 4096 commands, 4096 operations and 1 MiB.
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
| OOM | the table of counters is full, or that of a counter's holds; nothing was changed |
| LIMIT | a counter, or a total above it, would pass its limit; nothing was changed |
| THROTTLED | the rate does not allow it now; nothing was taken. CUENTA.TAKE answers that with figures instead |
| PAST | the time given is over; nothing was changed |
| NOHOLD | there is no such hold: it was settled, released, or its time is over; nothing was changed |
| WRONGTYPE | the counter of that name is none of a rate; nothing was taken |
| UNKNOWN | the journal failed meanwhile; the change may or may not survive |
| CONFLICT | the identity was used for another change; nothing was changed |
| TOOOLD | the identity may have been forgotten; its change may or may not have been made |
| TOONEW | the time in the key is more than a minute ahead; nothing was changed |
| NOSESSION | the session was never granted, or has ended; what it had sent may or may not have been made |
| EXECABORT | the transaction was not carried out |

Where an error answers a command in a transaction, the changes of the others are made all the same, as in Redis. MSET,
and with an identity every command on several keys, is carried out as a whole or not at all.
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
- Inside may be every command that changes counters, MSET, DEL and UNLINK with at most 4095 keys. Commands that only
  read need no identity and are refused with one, GETEX without options as well.
- Inside MULTI … EXEC they are queued like any other command. A transaction that is sent again gets the first
  replies to those that have an identity, and carries out the others again.
- The same identity with another change is refused with CONFLICT. INCR a and INCRBY a 1 are the same change.
- CUENTA.OUTCOME answers a map, in version 2 of the protocol an array of names and values. The state is one of
  - applied, with value and revision: of the counter after the change, or before it for GETDEL, GETEX, GETSET,
    SET … GET and CUENTA.TRANSFER; of several keys the value is how many of them were set or deleted, and the
    revision 0; of CUENTA.TAKE the value is how much is left;
  - refused, with the error: overflow, limit, unmet, past, throttled, no-hold or aborted;
  - absent: nothing was done under that identity so far;
  - forgotten: it may be too old to be known, or there is no such session.
- INCREX has an identity of its own with IDMP: its key is the producer, a colon and the number, which CUENTA.OUTCOME
  takes as well.

More is done with counters than to add to them:

` + "```" + `
CUENTA.LIMIT seats FLOOR 0 CEILING 100            OK; INCRBY seats 101 is then refused: LIMIT the limit 100 leaves room for 100
CUENTA.LIMIT acme CEILING 500 TOTAL               what is added to acme/sales or acme/sales/ana is added to acme, too
CUENTA.DESCRIBE seats                             1) "value" 2) 0 … the limits, what is held and available, the end
CUENTA.TRANSFER ana ben 30                        70: what ana has left; never below 0, or below FLOOR
CUENTA.TAKE ip:1 1 FIXED 100 PER 60000            1) 1 2) 99 3) -1 4) 41234: allowed, 99 left, all of them in 41.234 s
CUENTA.TAKE ip:1 5 STEADY 10 PER 1000 BURST 20    10 a second, and 20 at once; SLIDING counts the last 1000 ms
CUENTA.TICKET door ana COUNT 3                    1) 1 2) 3 3) 1: numbers 1 to 3, new; the next time the same, and 0
CUENTA.HOLD seats 4 EX 600                        1) 7 2) 96: hold 7, and 96 are still available
CUENTA.SETTLE seats 7 3                           1) 3 2) 3: the value and what was added; the hold is over
CUENTA.RELEASE seats 7                            or: what is available, 100
CUENTA.EXTEND seats 7 EX 600                      or: it ends 600 s from now
CUENTA.HOLDS seats                                1) 1) 7 2) 4 3) 1795176600000: id, amount, end in ms since 1970
` + "```" + `

- CUENTA.LIMIT takes away the limits that are not said. It is refused with LIMIT where the value is outside them.
- CUENTA.TAKE answers four numbers: 1 if it was allowed and 0 if not, how much is left, in how many milliseconds as
  much may be taken (-1: it was allowed, or never may be), and in how many all may be taken again. With an identity
  the last one is -1 where it was not allowed. A take of 0 asks and takes nothing. BURST is of STEADY, and as much as
  the limit unless said.
- CUENTA.HOLD with a negative amount holds back what is above the floor. CUENTA.SETTLE may add more than was held, if
  it fits; with CLAMP it adds as much as fits.
- CUENTA.HOLDS answers no more than COUNT, 1000 at most; those behind the last one are asked for AFTER its id.

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
