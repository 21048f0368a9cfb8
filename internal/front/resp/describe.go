package resp

import (
	"strings"

	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// COMMAND: the table as Redis describes its own.

func runCommand(s *Session, dst []byte, _ [][]byte) []byte {
	dst = wire.AppendArray(dst, len(s.p.commands.rows))
	for _, c := range s.p.commands.rows {
		dst = s.appendInfo(dst, c)
	}
	return dst
}

func runCommandCount(s *Session, dst []byte, _ [][]byte) []byte {
	return wire.AppendInt(dst, int64(len(s.p.commands.rows)))
}

func runCommandInfo(s *Session, dst []byte, args [][]byte) []byte {
	if len(args) == 2 {
		return runCommand(s, dst, args)
	}
	names := s.bounded(args[2:])
	dst = wire.AppendArray(dst, len(names))
	for _, name := range names {
		if c := s.p.commands.named(name); c != nil {
			dst = s.appendInfo(dst, c)
		} else {
			dst = wire.AppendNull(dst, s.version)
		}
	}
	return dst
}

// bounded keeps a long list of names from making a long answer: what is beyond
// the number of all commands names some again.
func (s *Session) bounded(names [][]byte) [][]byte {
	return names[:min(len(names), 4*len(s.p.commands.rows))]
}

// named finds a command by its full name, such as "client|id".
func (t *table) named(name []byte) *command {
	container, sub, isSub := strings.Cut(string(name), "|")
	c := t.lookup([]byte(container))
	if c == nil || !isSub {
		return c
	}
	return c.sub([]byte(sub))
}

func (s *Session) appendInfo(dst []byte, c *command) []byte {
	dst = wire.AppendArray(dst, 10)
	dst = wire.AppendBulk(dst, c.full)
	dst = wire.AppendInt(dst, int64(c.arity))
	dst = s.appendWords(dst, c.flagWords())
	dst = wire.AppendInt(dst, int64(c.first))
	dst = wire.AppendInt(dst, int64(c.last))
	dst = wire.AppendInt(dst, int64(c.step))
	dst = s.appendWords(dst, c.categories())
	dst = wire.AppendSet(dst, s.version, 0) // hints for clusters
	dst = s.appendKeySpecs(dst, c)
	if len(c.subs) == 0 {
		return wire.AppendSet(dst, s.version, 0)
	}
	dst = wire.AppendArray(dst, len(c.subs))
	for _, sub := range c.subs {
		dst = s.appendInfo(dst, sub)
	}
	return dst
}

func (s *Session) appendWords(dst []byte, words []string) []byte {
	dst = wire.AppendSet(dst, s.version, len(words))
	for _, word := range words {
		dst = wire.AppendSimple(dst, word)
	}
	return dst
}

func (c *command) flagWords() (words []string) {
	for _, f := range flagNames {
		if c.flags&f.flag != 0 {
			words = append(words, f.name)
		}
	}
	return words
}

// categories are those of Redis' access control that follow from the row, in
// Redis' order.
func (c *command) categories() (words []string) {
	speed := "@slow"
	if c.flags&fast != 0 {
		speed = "@fast"
	}
	for _, category := range []struct {
		name    string
		applies bool
	}{
		{"@keyspace", c.group == "generic"},
		{"@read", c.flags&reads != 0},
		{"@write", c.flags&writes != 0},
		{"@string", c.group == "string"},
		{"@admin", c.flags&admin != 0},
		{speed, true},
		{"@dangerous", c.flags&admin != 0},
		{"@connection", c.group == "connection"},
		{"@transaction", c.group == "transactions"},
	} {
		if category.applies {
			words = append(words, category.name)
		}
	}
	return words
}

func (s *Session) appendKeySpecs(dst []byte, c *command) []byte {
	if c.first == 0 {
		return wire.AppendSet(dst, s.version, 0)
	}
	access := []string{"RO", "access"}
	if c.flags&writes != 0 {
		access = []string{"RW", "access", "update"}
	}
	last := c.last
	if last > 0 {
		last -= c.first // counted from the first key
	}
	number := func(key string, n int) {
		dst = wire.AppendBulk(dst, key)
		dst = wire.AppendInt(dst, int64(n))
	}
	text := func(key, value string) {
		dst = wire.AppendBulk(dst, key)
		dst = wire.AppendBulk(dst, value)
	}
	nested := func(key string, size int) {
		dst = wire.AppendBulk(dst, key)
		dst = wire.AppendMap(dst, s.version, size)
	}
	dst = wire.AppendSet(dst, s.version, 1)
	dst = wire.AppendMap(dst, s.version, 3)
	dst = wire.AppendBulk(dst, "flags")
	dst = s.appendWords(dst, access)
	nested("begin_search", 2)
	text("type", "index")
	nested("spec", 1)
	number("index", c.first)
	nested("find_keys", 2)
	text("type", "range")
	nested("spec", 3)
	number("lastkey", last)
	number("keystep", c.step)
	number("limit", 0)
	return dst
}

func runCommandDocs(s *Session, dst []byte, args [][]byte) []byte {
	wanted := s.p.commands.rows
	if names := s.bounded(args[2:]); len(names) > 0 {
		wanted = nil
		for _, name := range names {
			if c := s.p.commands.named(name); c != nil {
				wanted = append(wanted, c)
			}
		}
	}
	dst = wire.AppendMap(dst, s.version, len(wanted))
	for _, c := range wanted {
		dst = wire.AppendBulk(dst, c.full)
		dst = s.appendDocs(dst, c)
	}
	return dst
}

func (s *Session) appendDocs(dst []byte, c *command) []byte {
	text := func(key, value string) {
		dst = wire.AppendBulk(dst, key)
		dst = wire.AppendBulk(dst, value)
	}
	size := 3
	if len(c.subs) > 0 {
		size++
	}
	dst = wire.AppendMap(dst, s.version, size)
	text("summary", c.summary)
	text("since", c.since)
	text("group", c.group)
	if len(c.subs) == 0 {
		return dst
	}
	dst = wire.AppendBulk(dst, "subcommands")
	dst = wire.AppendMap(dst, s.version, len(c.subs))
	for _, sub := range c.subs {
		dst = wire.AppendBulk(dst, sub.full)
		dst = s.appendDocs(dst, sub)
	}
	return dst
}

func runCommandList(s *Session, dst []byte, args [][]byte) []byte {
	wanted := func(c *command) bool { return true }
	switch options := args[2:]; {
	case len(options) == 0:
	case len(options) != 3 || !isWord(options[0], "filterby"):
		return wire.AppendError(dst, errSyntax)
	case isWord(options[1], "pattern"):
		wanted = func(c *command) bool { return match(options[2], c.full, true) }
	case isWord(options[1], "aclcat"):
		wanted = func(c *command) bool { return c.hasCategory(string(options[2])) }
	case isWord(options[1], "module"):
		wanted = func(*command) bool { return false } // there are none
	default:
		return wire.AppendError(dst, errSyntax)
	}
	var names []string
	for _, c := range s.p.commands.rows {
		for _, c := range append([]*command{c}, c.subs...) {
			if wanted(c) {
				names = append(names, c.full)
			}
		}
	}
	dst = wire.AppendArray(dst, len(names))
	for _, name := range names {
		dst = wire.AppendBulk(dst, name)
	}
	return dst
}

func (c *command) hasCategory(name string) bool {
	for _, category := range c.categories() {
		if strings.EqualFold(category[1:], name) {
			return true
		}
	}
	return false
}

func runCommandGetKeys(s *Session, dst []byte, args [][]byte) []byte {
	call := args[2:]
	c := s.p.commands.lookup(call[0])
	if c != nil && len(c.subs) > 0 && len(call) > 1 {
		c = c.sub(call[1])
	}
	if c != nil && c.wraps != nil && c.takes(len(call)) {
		call = c.wraps(call)
		c, _ = s.p.commands.changing(call)
	}
	switch {
	case c == nil:
		return wire.AppendError(dst, "ERR Invalid command specified")
	case c.first == 0:
		return wire.AppendError(dst, "ERR The command has no key arguments")
	case !c.takes(len(call)):
		return wire.AppendError(dst, "ERR Invalid number of arguments specified for command")
	}
	keys := c.keys(call)
	dst = wire.AppendArray(dst, len(keys))
	for _, key := range keys {
		dst = wire.AppendBulk(dst, key)
	}
	return dst
}
