package resp

import (
	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// incrHead is how INCR key begins.
const incrHead = "*2\r\n$4\r\nINCR\r\n"

// usual takes the command that buf begins with if it is one of the two that clients in
// a hurry send most: INCR key, and CUENTA.SEQ id number INCR key, the id being that of
// the last command that had one. They are read at one go, and mean what the same words
// mean to [Session.take]. Of any other, also of one that is to be refused or queued, it
// takes nothing and returns 0.
func (s *Session) usual(b *cuenta.Batch, buf []byte, limit int) (size int) {
	same := s.same
	s.same = 0
	if s.multi.open || len(b.Requests) >= limit {
		return 0
	}
	if len(buf) > len(incrHead) && string(buf[:len(incrHead)]) == incrHead {
		size = s.usualIncr(b, buf, same)
		s.same = size
	} else {
		size = s.usualSeq(b, buf)
	}
	if size > 0 {
		s.decoder.Again() // it may have been in the midst of this command
	}
	return size
}

// usualIncr takes INCR key. Whoever counts one thing says the same over and over, which
// need not be read again: same is the size of the last command if it was an INCR that
// was taken here, else 0.
func (s *Session) usualIncr(b *cuenta.Batch, buf []byte, same int) (size int) {
	// Where names differ their last byte does, mostly.
	before := s.buf[s.start-same : s.start]
	if same > 0 && len(buf) >= same && buf[same-len("x\r\n")] == before[same-len("x\r\n")] && string(buf[:same]) == string(before) {
		s.add(b, b.Requests[len(b.Requests)-1].Counter, 1)
		return same
	}
	words, rest := s.decoder.Short(buf[len(incrHead):], 1)
	if rest == 0 || !cuenta.ValidName(words[0]) {
		return 0
	}
	s.decoder.Known = true
	s.client.command = s.p.commands.incr
	s.add(b, words[0], 1)
	return len(incrHead) + rest
}

func (s *Session) usualSeq(b *cuenta.Batch, buf []byte) (size int) {
	head := len(s.granted.head)
	if s.granted.id == 0 || len(buf) < head || string(buf[:head]) != string(s.granted.head[:]) {
		return 0
	}
	words, rest := s.decoder.Short(buf[head:], 3)
	if rest == 0 || string(words[1]) != "INCR" || !cuenta.ValidName(words[2]) {
		return 0
	}
	number, isNumber := wire.ParseUint(words[0])
	if !isNumber || number == 0 {
		return 0
	}
	s.client.command = s.p.commands.seq
	r := s.add(b, words[2], 1)
	r.Client, r.Identity.Session, r.Identity.Number = s.client.number(), s.granted.id, number
	return head + rest
}
