package resp

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// command is one row of the table of commands. Exactly one of ask, run and
// control says what it does, unless its subcommands do.
type command struct {
	name  string // in lower case; a subcommand's without its container's
	arity int    // arguments, the name included; -n is at least n
	flags flags

	// The arguments that are names of counters: from the first to the last, which
	// counts from the end if it is negative, by steps. All 0 for none.
	first, last, step int

	group   string // as Redis groups it in its documents
	since   string // the version of Redis that first had it; of Cuenta, if it is our own
	syntax  string // its arguments, for people
	summary string

	// ask appends the requests it needs and how it is answered.
	ask asker

	// run carries it out when it is its turn to be answered.
	run runner

	// control carries out at once what decides on the commands that follow. It is
	// never queued by MULTI.
	control func(s *Session, b *cuenta.Batch, args [][]byte, limit int)

	subs []*command

	// wraps finds the command that the arguments hand on, for those that do.
	wraps func(args [][]byte) (call [][]byte)

	// What newTable adds.
	full  string // the name with its container's, such as "client|id"
	upper string // the name as most clients write it
	plain bool   // neither a container nor within one
}

type asker func(s *Session, b *cuenta.Batch, args [][]byte)

type runner func(s *Session, dst []byte, args [][]byte) []byte

// flags are Redis' flags of commands, and one of our own.
type flags uint16

const (
	writes flags = 1 << iota
	reads
	denyOOM
	admin
	noScript
	loading
	stale
	fast
	noAuth
	noMulti
	allowBusy
	noKeys  // may be called without keys
	movable // names are elsewhere than the row could tell

	// looks is a command that looks at more than its requests' results, or has a
	// long answer: nothing that follows it may be applied before it is answered.
	looks
)

// flagNames are the names that COMMAND gives, in Redis' order.
var flagNames = []struct {
	flag flags
	name string
}{
	{writes, "write"}, {reads, "readonly"}, {denyOOM, "denyoom"}, {admin, "admin"}, {noScript, "noscript"},
	{loading, "loading"}, {stale, "stale"}, {fast, "fast"}, {noAuth, "no_auth"}, {noKeys, "no_mandatory_keys"},
	{noMulti, "no_multi"}, {movable, "movablekeys"}, {allowBusy, "allow_busy"},
}

// table finds commands by name.
type table struct {
	rows   []*command // sorted by name
	byName map[string]*command

	incr, seq *command
}

// longestName is the most bytes that a command's name may have.
const longestName = 15

func newTable() *table {
	rows := slices.Concat(counterCommands(), transactionCommands(), keyCommands(), connectionCommands(), serverCommands(),
		identityCommands(), expiryCommands(), termCommands())
	slices.SortFunc(rows, func(a, b *command) int { return strings.Compare(a.name, b.name) })
	t := &table{rows: rows, byName: make(map[string]*command)}
	for _, c := range rows {
		c.full, c.plain, c.upper = c.name, len(c.subs) == 0, strings.ToUpper(c.name)
		t.byName[c.name] = c
		for _, sub := range c.subs {
			sub.full = c.name + "|" + sub.name
			sub.group = c.group
		}
	}
	t.incr, t.seq = t.byName["incr"], t.byName["cuenta.seq"]
	return t
}

// find returns the command that the arguments call, or why none is called. A
// wrong number of arguments returns both.
func (t *table) find(args [][]byte) (c *command, refusal string) {
	c = t.lookup(args[0])
	if c == nil {
		return nil, unknownCommand(args)
	}
	if len(c.subs) > 0 && len(args) > 1 {
		sub := c.sub(args[1])
		if sub == nil {
			return nil, fmt.Sprintf("ERR unknown subcommand '%s'. Try %s HELP.", shown(args[1], 128), strings.ToUpper(c.name))
		}
		c = sub
	}
	if !c.takes(len(args)) {
		return c, wrongArity(c.full)
	}
	return c, ""
}

// lookup finds a command by its name in any case.
func (t *table) lookup(name []byte) *command {
	var folded [longestName]byte
	if len(name) > longestName {
		return nil
	}
	for i, c := range name {
		folded[i] = lower(c)
	}
	return t.byName[string(folded[:len(name)])]
}

func (c *command) sub(name []byte) *command {
	for _, sub := range c.subs {
		if isWord(name, sub.name) {
			return sub
		}
	}
	return nil
}

// calledBy reports whether a word is the command's name, in any case.
func (c *command) calledBy(word []byte) bool { return string(word) == c.upper || isWord(word, c.name) }

// takes reports whether the command may have n arguments, its name included.
func (c *command) takes(n int) bool { return n == c.arity || c.arity < 0 && n >= -c.arity }

func wrongArity(name string) string {
	return "ERR wrong number of arguments for '" + name + "' command"
}

// unknownCommand quotes as much of the command as Redis does.
func unknownCommand(args [][]byte) string {
	const most = 128
	var quoted strings.Builder
	for _, arg := range args[1:] {
		if quoted.Len() >= most {
			break
		}
		fmt.Fprintf(&quoted, "'%s' ", shown(arg, most-quoted.Len()))
	}
	return fmt.Sprintf("ERR unknown command '%s', with args beginning with: %s", shown(args[0], most), quoted.String())
}

// shown is the beginning of an argument up to a NUL, as C shows it.
func shown(arg []byte, most int) []byte {
	arg = arg[:min(len(arg), most)]
	if i := bytes.IndexByte(arg, 0); i >= 0 {
		arg = arg[:i]
	}
	return arg
}

// isHTTP reports whether a line begins as an HTTP client's does, and no
// command's. Every request of HTTP has one of them: a method that may carry a
// body, or the header that is never absent.
func isHTTP(word []byte) bool { return isWord(word, "post") || isWord(word, "host:") }

// keys returns the arguments that are names.
func (c *command) keys(args [][]byte) (names [][]byte) {
	if c.first == 0 {
		return nil
	}
	last := c.last
	if last < 0 {
		last += len(args)
	}
	for i := c.first; i <= last && i < len(args); i += c.step {
		names = append(names, args[i])
	}
	return names
}
