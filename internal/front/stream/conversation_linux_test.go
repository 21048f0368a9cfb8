package stream

import (
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// bundle is a protocol whose commands are 'x', one request, and 'X', so many
// requests that go into one batch or none. It answers each with its letter.
type bundle struct {
	buf     [64]byte
	n       int
	size    int // of 'X'
	answers []byte
	closed  bool
	full    bool // neither takes nor gives
}

func (u *bundle) Space() []byte {
	if u.full {
		return nil
	}
	return u.buf[u.n:]
}

func (u *bundle) Filled(n int) { u.n += n }

func (u *bundle) Decode(b *cuenta.Batch, limit int) (commands int) {
	u.answers = u.answers[:0]
	for u.n > 0 && !u.full {
		size := 1
		if u.buf[0] == 'X' {
			size = u.size
		}
		if len(b.Requests)+size > limit {
			break
		}
		for range size {
			b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Add, N: 1})
		}
		u.answers = append(u.answers, u.buf[0])
		u.n = copy(u.buf[:], u.buf[1:u.n])
		commands++
	}
	return commands
}

func (u *bundle) AppendAnswers(dst []byte, _ []cuenta.Result) []byte {
	return append(dst, u.answers...)
}

func (u *bundle) Pending() bool  { return u.n > 0 }
func (u *bundle) Partial() bool  { return false }
func (u *bundle) Ended() bool    { return false }
func (u *bundle) Malformed() int { return 0 }
func (u *bundle) Close()         { u.closed = true }

// TestCommandsThatNeedABatch of their own get one, though others keep every
// batch well filled.
func TestCommandsThatNeedABatch(t *testing.T) {
	b := newBench(t, Config{New: func(_, _ string) Conversation { return &bundle{size: cuenta.MaxBatch} }})
	small := b.dial()
	large, larger := b.dial(), b.dial()
	say(t, small, "x")
	say(t, large, "XxX")
	say(t, larger, "X")
	for range 6 {
		b.turn()
		say(t, small, "x")
	}
	for range 4 {
		b.turn()
	}
	hear(t, large, "XxX")
	hear(t, larger, "X")
	hear(t, small, strings.Repeat("x", 7))
	if calls := b.service.Calls(); calls.Largest != cuenta.MaxBatch || calls.Requests != 3*cuenta.MaxBatch+8 {
		t.Errorf("%+v", calls)
	}
	if !b.queues.empty() {
		t.Errorf("connections are still looked at: %+v", b.queues)
	}
}

// TestConversationsThatDoNotGoOn are not turned round and round: neither one
// whose next command fits no batch, nor one that has no room to read.
func TestConversationsThatDoNotGoOn(t *testing.T) {
	u := &bundle{size: cuenta.MaxBatch + 1}
	b := newBench(t, Config{New: func(_, _ string) Conversation { return u }})
	c := b.dial()
	say(t, c, "X")
	for range 3 {
		b.turn()
	}
	if !b.queues.empty() {
		t.Error("it is looked at again and again")
	}
	u.full = true
	say(t, c, "X")
	b.turn()
	if b.only() != nil || !u.closed {
		t.Error("it is not closed")
	}
}
