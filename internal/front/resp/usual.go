package resp

import "github.com/cuenta-server/cuenta"

// incrHead is how INCR key begins.
const incrHead = "*2\r\n$4\r\nINCR\r\n"

// usual takes the commands that buf begins with, at most room of them, if they are of
// the two that clients in a hurry send most: INCR key, which whoever counts one thing says
// over and over, and CUENTA.SEQ id number [LOWEST number] INCR key, the id being that of the
// last command that had one. They are read at one go, and mean what the same words mean to
// [Session.take]. Of any other, also of one that is to be refused or queued, it takes
// nothing and returns 0.
func (s *Session) usual(b *cuenta.Batch, buf []byte, room int) (commands, size int) {
	switch {
	case s.multi.open || room <= 0:
		return 0, 0
	case len(buf) > len(incrHead) && string(buf[:len(incrHead)]) == incrHead:
		commands, size = s.usualIncr(b, buf, room)
	default:
		commands, size = s.usualSeq(b, buf, room)
	}
	if commands > 0 {
		s.decoder.Again() // it may have been in the midst of this command
	}
	return commands, size
}

func (s *Session) usualIncr(b *cuenta.Batch, buf []byte, room int) (commands, size int) {
	words, rest := s.decoder.Short(buf[len(incrHead):], 1)
	if rest == 0 || !cuenta.ValidName(words[0]) {
		return 0, 0
	}
	s.decoder.Known = true
	s.client.command = s.p.commands.incr
	said := buf[:len(incrHead)+rest]
	for again := true; again; again = commands < room && says(buf[size:], said) {
		s.add(b, words[0], 1)
		commands++
		size += len(said)
	}
	return commands, size
}

// says reports whether buf begins with what was said before. Where two commands differ
// the last byte of their names does, mostly.
func says(buf, said []byte) bool {
	last := len(said) - len("x\r\n")
	return len(buf) >= len(said) && buf[last] == said[last] && string(buf[:len(said)]) == string(said)
}

func (s *Session) usualSeq(b *cuenta.Batch, buf []byte, room int) (commands, size int) {
	g := &s.granted
	for ; commands < room; commands++ {
		number, lowest, head := g.call(buf[size:])
		if head == 0 {
			break
		}
		words, rest := s.decoder.Short(buf[size+head:], 1)
		if rest == 0 || !cuenta.ValidName(words[0]) {
			break
		}
		g.went(number)
		r := s.add(b, words[0], 1)
		r.Client, r.Identity.Session, r.Identity.Number, r.Identity.Lowest = s.client.number(), g.id, number, lowest
		size += head + rest
	}
	if commands > 0 {
		s.client.command = s.p.commands.seq
	}
	return commands, size
}
