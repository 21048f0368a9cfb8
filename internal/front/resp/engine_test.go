package resp

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/engine"
)

// far is a period in which no test ends.
const far = "3153600000000"

// counted is a session on the real engine: what rates, tickets, holds and totals
// come to is the ledger's business.
type counted struct {
	t       testing.TB
	session *Session
	service cuenta.Service
	stop    func()
}

func startReal(t testing.TB) *counted {
	t.Helper()
	return openReal(t, disktest.New())
}

func openReal(t testing.TB, fs *disktest.FS) *counted {
	t.Helper()
	e, err := engine.Open(engine.Config{FS: fs, Dir: "/data", MaxCounters: 1000, SegmentSize: 256 << 10, SnapshotAfter: math.MaxInt64})
	if err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return &counted{t, New(Config{Directory: crowd{}}).NewSession("127.0.0.1:50001", "here"), e, stop}
}

// answers returns the reply to one command in words: what is nested is in brackets,
// and of an error there is the first word.
func (c *counted) answers(command string) string {
	c.t.Helper()
	c.session.Filled(copy(c.session.Space(), said(strings.Fields(command)...)))
	var b cuenta.Batch
	c.session.Decode(&b, cuenta.MaxBatch)
	if len(b.Requests) > 0 {
		c.service.Do(context.Background(), &b)
	}
	r := bufio.NewReader(bytes.NewReader(c.session.AppendAnswers(nil, b.Results)))
	return c.read(r)
}

func (c *counted) read(r *bufio.Reader) string {
	c.t.Helper()
	head, err := r.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	head = strings.TrimSuffix(head, "\r\n")
	n, _ := strconv.Atoi(head[1:]) // no number where none is needed
	switch head[0] {
	case '-':
		word, _, _ := strings.Cut(head, " ")
		return word
	case '$':
		if n < 0 {
			return "nil"
		}
		text, err := r.ReadString('\n')
		if err != nil {
			c.t.Fatal(err)
		}
		return strings.TrimSuffix(text, "\r\n")
	case '*':
		var parts []string
		for range n {
			parts = append(parts, c.read(r))
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return head[1:]
}

// play compares commands with their answers.
func (c *counted) play(script string) {
	c.t.Helper()
	for line := range strings.Lines(script) {
		command, want, told := strings.Cut(strings.TrimSpace(line), " => ")
		if !told {
			continue
		}
		if got := c.answers(command); got != want {
			c.t.Errorf("%s: got %s, want %s", command, got, want)
		}
	}
}

// numbers are all those of an answer.
func (c *counted) numbers(command string) (numbers []int64) {
	c.t.Helper()
	answer := c.answers(command)
	for word := range strings.FieldsFuncSeq(answer, func(c rune) bool { return strings.ContainsRune("[ ]", c) }) {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			c.t.Fatalf("%s: got %s", command, answer)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// Each kind of rate lets as much through as it says, and tells when to come again.
func TestTaking(t *testing.T) {
	for kind, spread := range map[string]int64{"FIXED": 1, "SLIDING": 2, "STEADY": 1} {
		c := startReal(t)
		rate := kind + " 10 PER " + far
		period, _ := strconv.ParseInt(far, 10, 64) // it is a number
		for _, step := range []struct{ n, allowed, remaining int64 }{
			{0, 1, 10}, {4, 1, 6}, {7, 0, 6}, {11, 0, 6}, {6, 1, 0}, {1, 0, 0}, {0, 1, 0},
		} {
			command := fmt.Sprintf("CUENTA.TAKE ip %d %s", step.n, rate)
			got := c.numbers(command)
			if len(got) != 4 || got[0] != step.allowed || got[1] != step.remaining {
				t.Fatalf("%s: %v", command, got)
			}
			retry, reset := got[2], got[3]
			never := step.n > 10
			if waits := step.allowed == 0 && !never; (retry >= 0) != waits || retry > spread*period {
				t.Errorf("%s: retry after %d", command, retry)
			}
			untouched := step.remaining == 10
			if (reset == 0) != untouched || reset < max(0, retry) || reset > spread*period {
				t.Errorf("%s: reset in %d", command, reset)
			}
		}
	}
}

func TestRates(t *testing.T) {
	c := startReal(t)
	c.play(`
		CUENTA.TAKE b 20 STEADY 10 PER ` + far + ` => [0 10 -1 0]
		CUENTA.TAKE b 30 STEADY 10 PER 1000000 BURST 20 => [0 20 -1 0]
		CUENTA.TAKE b 1 STEADY 10 PER ` + far + ` BURST 20 => -ERR
		INCR plain => 1
		CUENTA.TAKE plain 1 FIXED 5 PER 1000 => -WRONGTYPE
		CUENTA.TAKE plain 0 FIXED 5 PER 1000 => -WRONGTYPE
		GET plain => 1`)
	// With an identity a repeat has the first answer, allowed or not.
	take := "CUENTA.ONCE k CUENTA.TAKE r 5 FIXED 5 PER " + far
	first := c.answers(take)
	if again := c.answers(take); !strings.HasPrefix(first, "[1 0 -1 ") || again != first {
		t.Errorf("%s, and again %s", first, again)
	}
	more := "CUENTA.ONCE k2 CUENTA.TAKE r 1 FIXED 5 PER " + far
	first = c.answers(more)
	c.play("DEL r => 1")
	if again := c.answers(more); !strings.HasPrefix(first, "[0 0 ") || !strings.HasSuffix(first, " -1]") || again != first {
		t.Errorf("%s, and again %s", first, again)
	}
	c.play(`
		CUENTA.OUTCOME k2 => [state refused error throttled]
		CUENTA.ONCE k2 CUENTA.TAKE r 2 FIXED 5 PER ` + far + ` => -CONFLICT
		MULTI => OK
		CUENTA.TAKE m 6 FIXED 5 PER ` + far + ` => QUEUED
		INCR n => QUEUED
		EXEC => [[0 5 -1 0] 1]
		COMMAND GETKEYS CUENTA.TAKE m 6 FIXED 5 PER 10 => [m]`)
}

func TestTickets(t *testing.T) {
	c := startReal(t)
	c.play(`
		CUENTA.TICKET door ana => [1 1 1]
		CUENTA.TICKET door ben COUNT 3 => [2 4 1]
		cuenta.ticket door eva count 1 => [5 5 1]
		CUENTA.TICKET door ana => [1 1 0]
		CUENTA.TICKET door ben => [2 4 0]
		CUENTA.TICKET door ben COUNT 9 => [2 4 0]
		GET door => 5
		CUENTA.ONCE k CUENTA.TICKET door max => [6 6 1]
		CUENTA.ONCE k CUENTA.TICKET door max => [6 6 1]
		CUENTA.TICKET door max => [6 6 0]
		CUENTA.ONCE k CUENTA.TICKET door leo => -CONFLICT
		CUENTA.ONCE k3 CUENTA.TICKET door ana => [1 1 0]
		CUENTA.LIMIT door CEILING 7 => OK
		CUENTA.TICKET door leo COUNT 2 => -LIMIT
		CUENTA.TICKET door leo => [7 7 1]
		INCR door/# => 1
		DECRBY door 7 => 0
		CUENTA.TICKET door ana => [1 1 1]
		MULTI => OK
		CUENTA.TICKET door ben => QUEUED
		CUENTA.TICKET door ben => QUEUED
		EXEC => [[2 2 1] [2 2 0]]`)
	long := strings.Repeat("x", cuenta.MaxName-cuenta.MaxKey)
	c.play("CUENTA.TICKET " + long + " " + strings.Repeat("y", cuenta.MaxKey) + " => -ERR")
}

func TestHolds(t *testing.T) {
	c := startReal(t)
	c.play(`
		CUENTA.HOLDS seats => []
		CUENTA.LIMIT seats FLOOR -10 CEILING 100 => OK
		CUENTA.HOLD seats 101 EX 1000 => -LIMIT
		CUENTA.HOLD seats 30 EX 1000 => [2 70]
		CUENTA.HOLD seats 40 PX 1000000 => [3 30]
		CUENTA.HOLD seats -4 EX 1000 => [4 6]
		INCRBY seats 31 => -LIMIT
		INCRBY seats 10 => 10
		CUENTA.HOLD seats 21 EX 1000 => -LIMIT
		CUENTA.SETTLE seats 2 12 => [22 12]
		CUENTA.SETTLE seats 2 12 => -NOHOLD
		CUENTA.RELEASE seats 2 => -NOHOLD
		CUENTA.EXTEND seats 2 EX 10 => -NOHOLD
		CUENTA.EXTEND seats 3 EX 2000 => 38
		CUENTA.SETTLE seats 3 79 => -LIMIT
		CUENTA.SETTLE seats 3 500 CLAMP => [100 78]
		CUENTA.RELEASE seats 4 => 110
		CUENTA.RELEASE nobody 4 => -NOHOLD
		DECRBY seats 100 => 0`)
	c.play(`
		CUENTA.ONCE h CUENTA.HOLD seats 5 EX 1000 => [11 95]
		CUENTA.ONCE h CUENTA.HOLD seats 5 EX 1000 => [11 95]
		CUENTA.ONCE h CUENTA.HOLD seats 5 EX 1001 => -CONFLICT
		CUENTA.ONCE s CUENTA.SETTLE seats 11 500 CLAMP => [100 100]
		CUENTA.ONCE s CUENTA.SETTLE seats 11 500 CLAMP => [100 100]
		CUENTA.ONCE n CUENTA.RELEASE seats 11 => -NOHOLD
		CUENTA.ONCE n CUENTA.RELEASE seats 11 => -NOHOLD
		CUENTA.OUTCOME n => [state refused error no-hold]
		CUENTA.ONCE u CUENTA.HOLD seats 1 EX 10 => -LIMIT
		CUENTA.OUTCOME u => [state refused error limit]
		MULTI => OK
		DECRBY seats 50 => QUEUED
		CUENTA.HOLD seats 20 EX 1000 => QUEUED
		CUENTA.HOLD seats 31 EX 1000 => QUEUED
		CUENTA.RELEASE seats 1 => QUEUED
		EXEC => [50 [14 30] -LIMIT -NOHOLD]`)
	if got := c.answers("CUENTA.DESCRIBE seats"); got != "[value 50 revision 14 floor -10 ceiling 100 total 0 held 20 held-down 0 "+
		"available 30 available-down 60 expires nil ttl nil]" {
		t.Error(got)
	}
}

// Holds are listed once each, a page after the other, with their ends.
func TestHoldsAreListed(t *testing.T) {
	c := startReal(t)
	held := make(map[int64]int64)
	for i := range int64(7) {
		pair := c.numbers(fmt.Sprintf("CUENTA.HOLD many %d EX 1000", i+1))
		held[pair[0]] = i + 1
	}
	seen := 0
	for page := "CUENTA.HOLDS many COUNT 3"; ; {
		got := c.numbers(page)
		for i := 0; i < len(got); i += 3 {
			if held[got[i]] != got[i+1] || got[i+2] < 1e12 {
				t.Fatalf("%s: %v", page, got)
			}
			seen++
		}
		if len(got) < 9 {
			break
		}
		page = fmt.Sprintf("CUENTA.HOLDS many AFTER %d COUNT 3", got[len(got)-3])
	}
	if seen != len(held) {
		t.Errorf("%d of %d holds are listed", seen, len(held))
	}
	c.play("CUENTA.HOLDS many AFTER 99 => -NOHOLD")
}

// What one transaction lists is bounded.
func TestListingIsBounded(t *testing.T) {
	c := startReal(t)
	c.play("CUENTA.HOLD many 1 EX 1000 => [1 9223372036854775806]\nMULTI => OK")
	for range maxListed/maxHolds + 1 {
		c.play("CUENTA.HOLDS many => QUEUED")
	}
	got := c.answers("EXEC")
	if strings.Count(got, "[[1 1 ") != maxListed/maxHolds || !strings.HasSuffix(got, " -ERR]") {
		t.Error(got)
	}
}

func TestTotals(t *testing.T) {
	c := startReal(t)
	c.play(`
		CUENTA.LIMIT acme CEILING 100 TOTAL => OK
		INCRBY acme/sales/ana 60 => 60
		INCREX acme/sales/ana BYINT 30 => [90 30]
		GET acme => 90
		INCREX acme/sales/ana BYINT 30 => -LIMIT
		INCREX acme/sales/ana BYINT 30 IDMP shop 1 => -LIMIT
		INCREX acme/sales/ana BYINT 30 IDMP shop 1 => -LIMIT
		INCREX acme/sales/ana BYINT 6 UBOUND 95 IDMP shop 2 => [90 0]
		INCREX acme/sales/eva BYINT 8 UBOUND 5 IDMP shop 3 => [0 0]
		INCREX acme/sales/ana BYINT 30 SATURATE => [100 10]
		INCREX acme/sales/ana BYINT 6 UBOUND 95 IDMP shop 2 => [90 0]
		CUENTA.TRANSFER acme/sales/ana acme/sales/ben 50 => 50
		MGET acme acme/sales/ana acme/sales/ben => [100 50 50]
		INCR ` + strings.Repeat("a/", cuenta.MaxLevels+1) + `x => -ERR`)
	c.session.Filled(copy(c.session.Space(), "INCR acme/sales/ana\r\n"))
	var b cuenta.Batch
	c.session.Decode(&b, 1)
	c.service.Do(context.Background(), &b)
	const want = "-LIMIT the limit 100 leaves room for 0, levels above: 2\r\n"
	if got := string(c.session.AppendAnswers(nil, b.Results)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Ends, limits and holds are there after a restart, and so is what identities were
// answered.
func TestTermsSurvive(t *testing.T) {
	fs := disktest.New()
	c := openReal(t, fs)
	c.play(`
		SET a 5 EXAT 4102444800 => OK
		SET b 5 EX 1000 => OK
		SET b 6 => OK
		SET over 5 PXAT 1 => OK
		CUENTA.LIMIT seats CEILING 10 => OK
		CUENTA.HOLD seats 4 EX 1000 => [4 6]
		INCREX c BYINT 50 UBOUND 20 SATURATE IDMP shop 1 => [20 20]
		CUENTA.ONCE t CUENTA.TICKET door ana => [1 1 1]`)
	c.stop()
	openReal(t, fs).play(`
		EXPIRETIME a => 4102444800
		TTL b => -1
		GET over => nil
		CUENTA.HOLD seats 7 EX 1000 => -LIMIT
		CUENTA.SETTLE seats 4 10 => [10 10]
		DEL c => 1
		INCREX c BYINT 50 UBOUND 20 SATURATE IDMP shop 1 => [20 20]
		CUENTA.ONCE t CUENTA.TICKET door ana => [1 1 1]
		CUENTA.TICKET door ana => [1 1 0]`)
}
