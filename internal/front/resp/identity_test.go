package resp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// asked is what a command asks of the service.
func asked(s *Session, words string) []cuenta.Request {
	var b cuenta.Batch
	s.Filled(copy(s.Space(), said(strings.Fields(words)...)))
	s.Decode(&b, cuenta.MaxBatch)
	return b.Requests
}

// A command of one request has the identity on it; around several there is an
// All that has it.
func TestWhereTheIdentityIs(t *testing.T) {
	host := cuenta.ClientOf(netip.MustParseAddr("10.1.2.3"))
	w := newWorld()
	s := w.NewSession("10.1.2.3:4567", "here")
	for call, ops := range map[string]string{
		"INCR a": "add", "DECR a": "add", "INCRBY a 2": "add", "DECRBY a 2": "add", "SET a 1": "set", "SET a 1 NX": "set",
		"SET a 1 XX": "set", "SET a 1 NX GET": "set", "SET a 1 GET": "all get set", "SET a 1 XX GET": "all get set",
		"SETNX a 1": "set", "GETSET a 1": "all get set", "GETDEL a": "delete", "MSET a 1": "set", "MSET a 1 b 2": "all set set",
		"SET a 1 EX 10": "set", "SET a 1 GET EX 10": "all get set", "SETEX a 10 1": "set", "PSETEX a 10 1": "set",
		"EXPIRE a 10": "expire", "PEXPIRE a 10 NX": "expire", "EXPIREAT a 10": "expire", "PEXPIREAT a 10": "expire", "PERSIST a": "expire",
		"GETEX a EX 10": "all get expire", "GETEX a PERSIST": "all get expire", "INCREX a BYINT 2 UBOUND 5 EX 10": "add",
		"CUENTA.LIMIT a FLOOR 0": "limit", "CUENTA.TAKE a 1 FIXED 5 PER 1000": "take", "CUENTA.TICKET a who": "ticket",
		"CUENTA.HOLD a 5 EX 10": "hold", "CUENTA.SETTLE a 1 5": "settle", "CUENTA.RELEASE a 1": "release", "CUENTA.EXTEND a 1 PX 10": "extend",
		"DEL a": "delete", "DEL a a b": "all delete delete delete", "UNLINK a": "delete", "UNLINK a b": "all delete delete",
	} {
		for prefix, id := range map[string]cuenta.Identity{
			"CUENTA.ONCE key-1":                      {Key: []byte("key-1")},
			"CUENTA.SEQ 00000000000000a1 7":          {Session: 0xa1, Number: 7},
			"CUENTA.SEQ 00000000000000A2 9 LOWEST 8": {Session: 0xa2, Number: 9, Lowest: 8},
		} {
			requests := asked(s, prefix+" "+call)
			var got []string
			for i := range requests {
				r := &requests[i]
				got = append(got, r.Op.String())
				want, client := cuenta.Identity{}, uint32(0)
				if i == 0 {
					want, client = id, host
				}
				if fmt.Sprint(r.Identity) != fmt.Sprint(want) || r.Client != client {
					t.Errorf("%s %s: request %d has identity %v of client %d", prefix, call, i, r.Identity, r.Client)
				}
				if span := uint16(len(requests) - 1); r.Op == cuenta.All && r.Span != span {
					t.Errorf("%s %s: the All spans %d", prefix, call, r.Span)
				}
			}
			if strings.Join(got, " ") != ops {
				t.Errorf("%s %s asks %v, want %s", prefix, call, got, ops)
			}
		}
		// The next one has none.
		asOne := call == "MSET a 1 b 2" // whole in any case
		for _, r := range asked(s, call) {
			if r.Identity.Given() || r.Op == cuenta.All && !asOne || r.Client != 0 {
				t.Errorf("%s asks %+v", call, r)
			}
		}
	}
	for _, call := range []string{"CUENTA.SESSION", "CUENTA.OUTCOME k", "CUENTA.OUTCOME 00000000000000a1 3"} {
		if r := asked(s, call); len(r) != 1 || r[0].Client != host {
			t.Errorf("%s asks %+v", call, r)
		}
	}
}

// Every command of the table that changes counters takes an identity, and no other.
func TestWhatTakesAnIdentity(t *testing.T) {
	var takes []string
	for _, c := range newTable().rows {
		if c.changes() {
			takes = append(takes, c.name)
		}
	}
	const want = "cuenta.extend cuenta.hold cuenta.limit cuenta.release cuenta.settle cuenta.take cuenta.ticket cuenta.transfer " +
		"decr decrby del expire expireat getdel getex getset incr incrby increx mset persist pexpire pexpireat psetex set setex setnx unlink"
	if got := strings.Join(takes, " "); got != want {
		t.Errorf("%s take one, want %s", got, want)
	}
}

// A client stands for its host, however it is connected.
func TestClientsOfOneHost(t *testing.T) {
	w := newWorld()
	number := func(peer string) uint32 { return asked(w.NewSession(peer, "here"), "CUENTA.SESSION")[0].Client }
	same := number("10.0.0.1:1000")
	if same == 0 || number("10.0.0.1:2000") != same || number("[::ffff:10.0.0.1]:3000") != same {
		t.Error("one host has several numbers, or none")
	}
	if number("10.0.0.2:1000") == same || number("[fe80::1%eth0]:1") != number("[fe80::1]:2") {
		t.Error("hosts are not told apart")
	}
	for _, peer := range []string{"", "@", "10.0.0.1", "/run/socket"} {
		if number(peer) != 0 {
			t.Errorf("%q has a host", peer)
		}
	}
}

// With an identity a random command is answered as without, and so is every
// repeat of it, whatever comes between; and it counts once.
func TestRandomCommandsOnce(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 3))
		bare, once := newWorld().dial(t), newWorld().dial(t)
		session := once.says("CUENTA.SESSION")[len("$16\r\n"):][:16]
		calls, replies := []string(nil), []string(nil)
		for _, l := range randomLines(seed, 300) {
			words := strings.Fields(l.source)
			c := once.w.commands.lookup([]byte(words[0]))
			if c == nil || c.group == "transactions" {
				continue
			}
			want, call := string(bare.hears(l.stream)), l.source
			// As a whole GETEX PERSIST cannot leave a counter without an end untouched.
			if c.changes() && c.takes(len(words)) && (c.name != "getex" || len(words) == 4) {
				switch n := len(calls); r.IntN(3) {
				case 0:
					call = fmt.Sprintf("CUENTA.ONCE key-%d %s", n, call)
				case 1:
					call = fmt.Sprintf("CUENTA.SEQ %s %d %s", session, n+1, call)
				case 2:
					call = fmt.Sprintf("CUENTA.SEQ %s %d LOWEST %d %s", session, n+1, max(1, n-20), call)
				}
				calls, replies = append(calls, call), append(replies, want)
			}
			if got := once.says(call); got != want {
				t.Fatalf("seed %d, %s: got %q, without an identity %q", seed, call, got, want)
			}
			for range r.IntN(3) {
				i := len(calls) - 1 - r.IntN(min(20, max(1, len(calls))))
				if i < 0 {
					continue
				}
				if got := once.says(calls[i]); got != replies[i] {
					t.Fatalf("seed %d, %s again: got %q, the first time %q", seed, calls[i], got, replies[i])
				}
			}
		}
		for _, name := range []string{"a", "b", "c", "x"} {
			value, revision := bare.w.store.Value(name)
			if v, rev := once.w.store.Value(name); v != value || rev != revision {
				t.Fatalf("seed %d: %s is %d (%d), without identities %d (%d)", seed, name, v, rev, value, revision)
			}
		}
	}
}

// An All that was refused says why, whether its header does or the request at
// fault.
func TestWhyAnAllIsRefused(t *testing.T) {
	const aborted = cuenta.Aborted
	null, oom, limit := "$-1\r\n", "-"+refusal(cuenta.TooMany)+"\r\n", "-"+told(&cuenta.Result{Code: cuenta.Limited})+"\r\n"
	over := "-" + told(&cuenta.Result{Code: cuenta.Overflow}) + "\r\n"
	for _, c := range []struct {
		call  string
		codes []cuenta.Code
		want  string
	}{
		{"MSET a 1 b 2", []cuenta.Code{aborted, aborted, cuenta.TooMany}, oom},
		{"MSET a 1 b 2", []cuenta.Code{cuenta.TooMany, aborted, cuenta.TooMany}, oom},
		{"GETSET a 1", []cuenta.Code{aborted, aborted, cuenta.TooMany}, oom},
		{"SET a 1 GET", []cuenta.Code{aborted, aborted, cuenta.Limited}, limit},
		{"MSET a 1 b 2", []cuenta.Code{aborted, cuenta.Limited, aborted}, limit},
		{"CUENTA.TRANSFER a b 2", []cuenta.Code{aborted, aborted, cuenta.Limited, aborted}, limit},
		{"CUENTA.TRANSFER a b 2", []cuenta.Code{aborted, aborted, aborted, cuenta.Overflow}, over},
		{"CUENTA.TRANSFER a b 2", []cuenta.Code{aborted, aborted, aborted, cuenta.TooMany}, oom},
		{"SET a 1 XX GET", []cuenta.Code{aborted, aborted, cuenta.Limited}, limit},
		{"SET a 1 XX GET", []cuenta.Code{aborted, aborted, cuenta.Unmet}, null},
		{"SET a 1 XX GET", []cuenta.Code{cuenta.Unmet, aborted, cuenta.Unmet}, null},
		{"SET a 1 XX GET", []cuenta.Code{aborted, aborted, cuenta.TooMany}, oom},
		{"DEL a b", []cuenta.Code{cuenta.TooMany, cuenta.OK, cuenta.OK}, oom},
	} {
		s := newWorld().NewSession("peer", "here")
		results := make([]cuenta.Result, len(asked(s, "CUENTA.ONCE k "+c.call)))
		for i := range results {
			results[i].Code = c.codes[i]
		}
		if got := string(s.AppendAnswers(nil, results)); got != c.want {
			t.Errorf("%s, %v: got %q, want %q", c.call, c.codes, got, c.want)
		}
	}
}

// The header of an All needs a place in the batch.
func TestKeysWithAnIdentityAreBounded(t *testing.T) {
	p := newWorld().dial(t)
	args := []string{"CUENTA.ONCE", "k", "DEL"}
	for i := range cuenta.MaxBatch - 1 {
		args = append(args, fmt.Sprint("k", i))
	}
	for range 2 {
		if got := string(p.hears(said(args...))); got != ":0\r\n" {
			t.Fatalf("the most keys: %q", got)
		}
	}
	args = append(args, "more")
	if got := string(p.hears(said(args...))); got != "-"+errKeysAll+"\r\n" {
		t.Errorf("too many keys: %q", got)
	}
	if got := string(p.hears(said(args[2:]...))); got != ":0\r\n" {
		t.Errorf("without an identity: %q", got)
	}
}

// What the ledger refuses to remember is told in every state that an outcome may
// have.
func TestOutcomes(t *testing.T) {
	states := map[cuenta.Code]string{
		cuenta.Absent: "absent", cuenta.TooOld: "forgotten", cuenta.NoSession: "forgotten",
		cuenta.Overflow: "refused", cuenta.Unmet: "refused", cuenta.Aborted: "refused", cuenta.Limited: "refused",
		cuenta.Past: "refused", cuenta.Throttled: "refused", cuenta.NoHold: "refused",
	}
	for code := cuenta.OK + 1; code < cuenta.NumCodes; code++ {
		p := newWorld().dial(t)
		p.w.store.Refuse(code)
		got, want := p.says("CUENTA.OUTCOME k"), "-"+refusal(code)+"\r\n"
		switch state := states[code]; state {
		case "":
		case "refused":
			want = fmt.Sprintf("*4\r\n$5\r\nstate\r\n$7\r\nrefused\r\n$5\r\nerror\r\n$%d\r\n%v\r\n", len(code.String()), code)
		default:
			want = fmt.Sprintf("*2\r\n$5\r\nstate\r\n$%d\r\n%s\r\n", len(state), state)
		}
		if got != want {
			t.Errorf("%v: got %q, want %q", code, got, want)
		}
	}
}

// Two connections may use one session, and one connection several.
func TestSessionsAreNotBoundToConnections(t *testing.T) {
	w := newWorld()
	a, b := w.dial(t), w.dial(t)
	one, two := a.says("CUENTA.SESSION")[5:21], b.says("CUENTA.SESSION")[5:21]
	var got bytes.Buffer
	for range 2 {
		for _, p := range []*peer{a, b} {
			for _, id := range []string{one, two, one} {
				got.WriteString(p.says("CUENTA.SEQ " + id + " 1 INCR a"))
			}
		}
	}
	if want := strings.Repeat(":1\r\n:2\r\n:1\r\n", 4); got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
	if value, _ := w.store.Value("a"); value != 2 {
		t.Errorf("the counter is %d", value)
	}
}
