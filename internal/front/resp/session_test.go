package resp

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// Every code of the service has an error whose first word clients can act on.
func TestEveryCodeHasAnError(t *testing.T) {
	const not, unknown = cuenta.NotApplied, cuenta.FateUnknown
	words := map[string]cuenta.Fate{
		"ERR": not, "TRYAGAIN": not, "MISCONF": not, "OOM": not, "NOPERM": not, "UNKNOWN": unknown,
		"CONFLICT": not, "TOOOLD": unknown, "TOONEW": not, "NOSESSION": unknown, "ABSENT": not,
		"LIMIT": not, "PAST": not, "THROTTLED": not, "NOHOLD": not,
	}
	for code := cuenta.OK + 1; code < cuenta.NumCodes; code++ {
		word, text, _ := strings.Cut(refusal(code), " ")
		fate, known := words[word]
		if !known || text == "" {
			t.Errorf("%v: %q", code, refusal(code))
		}
		if fate != code.Fate() {
			t.Errorf("%v: %q tells another fate than %v", code, word, code.Fate())
		}
		if told := strings.Contains(text, "fate") || strings.Contains(text, "may or may not"); told != (fate == unknown) {
			t.Errorf("%v: %q does not tell that the fate is %v", code, text, fate)
		}
	}
	if refusal(cuenta.NumCodes) == "" {
		t.Error("a code from nowhere has no error")
	}
}

// Whatever the service refuses is answered with the error, by every command
// that asks for something, alone and in a transaction.
func TestEveryRefusalIsTold(t *testing.T) {
	calls := []string{
		"INCR a", "DECR a", "INCRBY a 2", "DECRBY a 2", "GET a", "SET a 1", "SET a 1 NX", "SET a 1 XX GET", "SETNX a 1", "GETSET a 1",
		"GETDEL a", "MGET a b", "MSET a 1 b 2", "STRLEN a", "DEL a b", "UNLINK a", "EXISTS a b", "TYPE a", "WATCH a b",
		"CUENTA.ONCE k INCR a", "CUENTA.ONCE k SET a 1 NX GET",
		"CUENTA.ONCE k DEL a b", "CUENTA.SEQ 0000000000000001 1 DECR a", "CUENTA.SESSION",
		"SET a 1 EX 10", "SET a 1 NX EX 10", "SETEX a 10 1", "GETEX a", "GETEX a EX 10", "GETEX a EX 0", "EXPIRE a 10", "PERSIST a",
		"TTL a", "PEXPIRETIME a", "CUENTA.LIMIT a FLOOR 0", "CUENTA.DESCRIBE a", "CUENTA.TRANSFER a b 1", "CUENTA.TICKET a who",
		"CUENTA.HOLD a 5 EX 10", "CUENTA.SETTLE a 1 5", "CUENTA.RELEASE a 1", "CUENTA.EXTEND a 1 PX 10", "CUENTA.HOLDS a",
		"CUENTA.ONCE k CUENTA.LIMIT a", "CUENTA.ONCE k GETEX a EX 10", "CUENTA.ONCE k CUENTA.TRANSFER a b 1",
		"CUENTA.ONCE k SET a 1 GET", "CUENTA.ONCE k MSET a 1 b 2",
	}
	const skipped = "*2\r\n:0\r\n:0\r\n"
	answers := map[string]map[cuenta.Code]string{
		"INCREX a":                          {cuenta.Limited: skipped, cuenta.Overflow: skipped},
		"CUENTA.TAKE a 1 STEADY 5 PER 1000": {cuenta.Throttled: "*4\r\n:0\r\n:0\r\n:0\r\n:-1\r\n"},
	}
	for code := cuenta.OK + 1; code < cuenta.NumCodes; code++ {
		if code == cuenta.Unmet {
			continue // is an answer, not an error
		}
		w := newWorld()
		p := w.dial(t)
		w.store.Refuse(code)
		want := "-" + told(&cuenta.Result{Code: code}) + "\r\n"
		for call, special := range answers {
			if got := p.says(call); got != cmp.Or(special[code], want) {
				t.Errorf("%v, %s: got %q", code, call, got)
			}
		}
		for _, call := range calls {
			if got := p.says(call); got != want {
				t.Errorf("%v, %s: got %q, want %q", code, call, got, want)
			}
		}
		p.says("MULTI")
		p.says("INCR a")
		p.says("PING")
		if got := p.says("EXEC"); got != "*2\r\n"+want+"+PONG\r\n" {
			t.Errorf("%v in a transaction: %q", code, got)
		}
		w.store.Refuse(cuenta.OK)
		p.says("WATCH a")
		p.says("MULTI")
		p.says("INCR a")
		w.store.Refuse(code)
		if got := p.says("EXEC"); got != want {
			t.Errorf("%v at a check: %q", code, got)
		}
	}
}

// What a command asks is never divided, and what does not fit waits.
func TestNoCommandIsDivided(t *testing.T) {
	p := newWorld().dial(t)
	args := []string{"MSET"}
	for i := range cuenta.MaxBatch - 1 {
		args = append(args, fmt.Sprint("k", i), fmt.Sprint(i))
	}
	if got := string(p.hears(said(args...))); got != ok {
		t.Fatalf("the most keys: %q", got)
	}
	if got := string(p.hears(said(append(args, "more", "1")...))); got != "-"+errKeysAll+"\r\n" {
		t.Errorf("too many keys: %q", got)
	}
	var b cuenta.Batch
	copy(p.session.Space(), "MGET k1 k2\r\nGET k1\r\n")
	p.session.Filled(len("MGET k1 k2\r\nGET k1\r\n"))
	if n := p.session.Decode(&b, 1); n != 0 || len(b.Requests) != 0 || !p.session.Pending() || p.session.Partial() {
		t.Errorf("one place for two requests: %d commands, %d requests", n, len(b.Requests))
	}
	if n := p.session.Decode(&b, 2); n != 1 || len(b.Requests) != 2 || !p.session.Pending() {
		t.Errorf("two places: %d commands, %d requests", n, len(b.Requests))
	}
	if n := p.session.Decode(&b, 3); n != 1 || len(b.Requests) != 3 {
		t.Errorf("behind two others: %d commands, %d requests", n, len(b.Requests))
	}
	if p.session.Decode(&b, 9) != 0 || p.session.Pending() || p.session.Partial() {
		t.Error("nothing is left, but the session is pending")
	}
	copy(p.session.Space(), "GET")
	p.session.Filled(3)
	if p.session.Decode(&b, 9) != 0 || p.session.Pending() || !p.session.Partial() {
		t.Error("half a command is not partial")
	}
}

// A transaction that does not fit waits, with what it watches and an UNWATCH in it.
func TestTransactionWaitsForRoom(t *testing.T) {
	p := newWorld().dial(t)
	for _, words := range []string{"INCR a", "WATCH a", "INCR a", "MULTI", "UNWATCH", "INCR a", "DBSIZE", "MGET a b c"} {
		p.says(words)
	}
	exec := said("EXEC")
	copy(p.session.Space(), exec)
	p.session.Filled(len(exec))
	var b cuenta.Batch
	for limit := range 5 {
		if n := p.session.Decode(&b, limit); n != 0 || len(b.Requests) != 0 || !p.session.Pending() {
			t.Fatalf("room for %d: %d commands, %d requests", limit, n, len(b.Requests))
		}
	}
	if n := p.session.Decode(&b, 5); n != 1 || len(b.Requests) != 5 {
		t.Fatalf("room for all: %d commands, %d requests", n, len(b.Requests))
	}
	p.w.store.Do(context.Background(), &b)
	if got := string(p.session.AppendAnswers(nil, b.Results)); got != "*-1\r\n" {
		t.Errorf("got %q, but a watched counter was changed", got)
	}
}

// A transaction's bounds: commands, bytes and requests.
func TestTransactionIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		queue [][]byte
		last  string // the answer to the last command queued
		exec  string // how the answer to EXEC begins
	}{
		"commands": {repeated(said("PING"), maxQueue+1), "-ERR the transaction is too large\r\n", "-EXECABORT "},
		"the most": {repeated(said("INCR", "a"), maxQueue), "+QUEUED\r\n", "*4096\r\n:1\r\n:2\r\n"},
		"bytes":    {repeated(said("ECHO", strings.Repeat("x", 16000)), 66), "-ERR the transaction is too large\r\n", "-EXECABORT "},
		"requests": {repeated(said("SET", "a", "1", "GET"), 2049), "+QUEUED\r\n", "-EXECABORT Transaction discarded because of: more than 4096"},
		"replies":  {repeated(said("COMMAND", "DOCS"), 1000), "+QUEUED\r\n", "*1000\r\n"},
	} {
		p := newWorld().dial(t)
		p.says("MULTI")
		var last []byte
		for _, command := range c.queue {
			last = p.hears(command)
		}
		if string(last) != c.last {
			t.Errorf("%s: the last command is answered %q", name, last)
		}
		got := p.says("EXEC")
		if !strings.HasPrefix(got, c.exec) || len(got) > 2*maxReplies {
			t.Errorf("%s: EXEC answers %.100q (%d bytes)", name, got, len(got))
		}
		if got := p.says("EXEC"); got != "-ERR EXEC without MULTI\r\n" {
			t.Errorf("%s: the transaction goes on: %q", name, got)
		}
	}
}

func repeated(command []byte, n int) (all [][]byte) {
	for range n {
		all = append(all, command)
	}
	return all
}

func TestWatchingIsBounded(t *testing.T) {
	p := newWorld().dial(t)
	args := []string{"WATCH"}
	for i := range maxWatched {
		args = append(args, fmt.Sprint("k", i))
	}
	if got := string(p.hears(said(args...))); got != ok {
		t.Fatalf("%q", got)
	}
	if got := p.says("WATCH one-more"); !strings.HasPrefix(got, "-ERR too many watched keys") {
		t.Errorf("%q", got)
	}
}

// A transaction that is always open when the buffer ends must not gather what
// earlier ones left.
func TestTransactionsDoNotGather(t *testing.T) {
	p := newWorld().dial(t)
	p.says("MULTI")
	stream := bytes.Repeat([]byte("INCR a\r\nEXEC\r\nMULTI\r\n"), 100)
	for range 50 {
		p.hears(stream)
	}
	if n := cap(p.session.multi.bytes); n > 1<<10 {
		t.Errorf("%d bytes are kept for one queued command", n)
	}
}

// The buffer grows for a long command only, and shrinks again; what an idle
// session keeps is small.
func TestMemoryIsGivenBack(t *testing.T) {
	p := newWorld().dial(t)
	p.says("PING")
	p.hears(said("ECHO", strings.Repeat("x", 1_000_000)))
	p.hears(bytes.Repeat(said("PING"), 5000))
	p.hears(said(append([]string{"EXISTS"}, strings.Fields(strings.Repeat("k ", 4000))...)...))
	for range 3 {
		p.says("PING")
	}
	if n := len(p.session.buf); n > minBuffer {
		t.Errorf("the buffer has %d bytes", n)
	}
	if n := cap(p.session.due); n > 64 {
		t.Errorf("there is room for %d answers", n)
	}
	if n := cap(p.session.kept); n > 64 {
		t.Errorf("there is room for %d arguments", n)
	}
}

// A stranger that announces much and sends it makes the buffer grow to its
// bound and no further.
func TestInputIsBounded(t *testing.T) {
	for _, stream := range [][]byte{
		append([]byte("*12000\r\n"), bytes.Repeat([]byte("$100\r\n"+strings.Repeat("x", 100)+"\r\n"), 20000)...),
		bytes.Repeat([]byte("x"), 4<<20),
		append([]byte("*1\r\n$"), bytes.Repeat([]byte("1"), 4<<20)...),
	} {
		p := newWorld().dial(t)
		got := string(p.hears(stream))
		if !strings.HasPrefix(got, "-ERR Protocol error: ") || !p.session.Ended() || p.session.Pending() {
			t.Errorf("%.20q…: got %q", stream, got)
		}
		if n := len(p.session.buf); n > 256<<10 {
			t.Errorf("%.20q…: %d bytes were taken", stream, n)
		}
		if len(p.session.Space()) == 0 || p.session.Partial() {
			t.Error("what comes after the end cannot be thrown away")
		}
	}
}

func TestKeysIsBounded(t *testing.T) {
	w := newWorld()
	w.Protocol.directory = crowd{}
	p := w.dial(t)
	if got := p.says("KEYS *"); got != "-"+errTooManyKeys+"\r\n" {
		t.Errorf("got %.100q", got)
	}
	if got := p.says("SCAN 0 COUNT 1000000000"); !strings.HasPrefix(got, "*2\r\n$4\r\n4096\r\n*4096\r\n") {
		t.Errorf("got %.100q", got)
	}
	if got := p.says("SCAN 18446744073709551615 MATCH x* COUNT 1"); got != "*2\r\n$1\r\n0\r\n*0\r\n" {
		t.Errorf("got %.100q", got)
	}
}

// crowd is a directory without end.
type crowd struct{}

func (crowd) Count() uint64 { return maxKeys + 1 }

func (crowd) List(_ context.Context, _ string, cursor uint64, limit int) (found []cuenta.Counter, next uint64, err error) {
	for range limit {
		cursor++
		found = append(found, cuenta.Counter{Name: fmt.Sprint("k", cursor), Revision: 1})
	}
	return found, cursor, nil
}

// An evil pattern costs no more than its length times the name's.
func TestPatternsAreBounded(t *testing.T) {
	pattern := []byte(strings.Repeat("a*", 500) + "b")
	name := strings.Repeat("a", cuenta.MaxName)
	if match(pattern, name, false) {
		t.Error("it matches")
	}
	if !match([]byte("MAX*[M]"), "maxmem", true) || match([]byte("MAX*"), "maxmem", false) {
		t.Error("the case is wrongly taken")
	}
}

// The sessions of one server may each have a goroutine of their own.
func TestClientListWhileOthersComeAndGo(t *testing.T) {
	w := newWorld()
	watcher := w.NewSession("watcher", "here")
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 100 {
				s := w.NewSession(fmt.Sprintf("10.0.0.%d:%d", i, j), "here")
				s.Filled(copy(s.Space(), "CLIENT SETNAME x\r\nCLIENT SETINFO lib-name y\r\nPING\r\n"))
				s.Decode(new(cuenta.Batch), 10)
				s.AppendAnswers(nil, nil)
				s.Close()
			}
		})
	}
	for range 100 {
		watcher.Filled(copy(watcher.Space(), "CLIENT LIST\r\n"))
		watcher.Decode(new(cuenta.Batch), 10)
		if got := string(watcher.AppendAnswers(nil, nil)); !strings.Contains(got, "addr=watcher laddr=here") {
			t.Fatalf("got %q", got)
		}
		runtime.Gosched()
	}
	all.Wait()
	watcher.Close()
	if n := len(w.connected()); n != 0 {
		t.Errorf("%d clients are still listed", n)
	}
}

func TestMalformed(t *testing.T) {
	p := newWorld().dial(t)
	p.session.Filled(copy(p.session.Space(), "FOO\r\nINCR a\r\nINCRBY a x\r\nGET\r\n*x\r\n"))
	var b cuenta.Batch
	if n := p.session.Decode(&b, 10); n != 5 || p.session.Malformed() != 4 || !p.session.Ended() {
		t.Errorf("%d commands, %d malformed", n, p.session.Malformed())
	}
}

// FuzzSession: whatever arrives, however it is cut and whatever the batches, the
// answers are the same, and no counter has a name that the contract forbids.
func FuzzSession(f *testing.F) {
	for _, stream := range pipelines(f, scripts(f)) {
		f.Add(stream, uint16(7), uint8(1))
	}
	f.Fuzz(func(t *testing.T, stream []byte, cut uint16, limit uint8) {
		if len(stream) > 1<<12 {
			t.Skip()
		}
		one, other := newWorld(), newWorld()
		want := one.dial(t).hears(stream)
		p := other.dial(t)
		p.limit = int(limit)
		at := min(int(cut), len(stream))
		got := append(p.hears(stream[:at]), p.hears(stream[at:])...)
		if !bytes.Equal(got, want) {
			t.Fatalf("cut at %d, batches of %d: %s", at, limit, difference(got, want))
		}
		for _, name := range one.store.names {
			if _, revision := one.store.Value(name); revision > 0 && !cuenta.ValidName([]byte(name)) {
				t.Fatalf("there is a counter %q", name)
			}
		}
	})
}
