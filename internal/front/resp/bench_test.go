package resp

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// countings are ways to count one, each told by how the n-th command is said.
var countings = []struct {
	name string
	say  func(n int) []byte
}{
	{"INCR", func(n int) []byte { return said("INCR", fmt.Sprintf("key:%012d", 7919*n)) }},
	{"INCR of one", func(int) []byte { return said("INCR", "key:000000012345") }},
	{"GET", func(int) []byte { return said("GET", "key:000000012345") }},
	{"SET", func(int) []byte { return said("SET", "key:000000012345", "12345") }},
	{"SET EX", func(int) []byte { return said("SET", "key:000000012345", "12345", "EX", "60") }},
	{"INCREX", func(int) []byte { return said("INCREX", "key:000000012345", "UBOUND", "100000", "EX", "60", "ENX") }},
	{"SATURATE", func(n int) []byte {
		return said("INCREX", "key:000000012345", "BYINT", "1000", "UBOUND", strconv.Itoa(1e6+n), "SATURATE")
	}},
	{"HOLD", func(int) []byte { return said("CUENTA.HOLD", "key:000000012345", "1", "EX", "60") }},
	{"SETTLE", func(n int) []byte { return said("CUENTA.SETTLE", "key:000000012345", strconv.Itoa(1e6+n), "1") }},
	{"IDMP", func(n int) []byte { return said("INCREX", "key:000000012345", "IDMP", "shop", strconv.Itoa(1e6+n)) }},
	{"SEQ", func(n int) []byte {
		return said("CUENTA.SEQ", "7c0ffee123456789", strconv.Itoa(1e6+n), "INCR", "key:000000012345")
	}},
	{"SEQ LOWEST", func(n int) []byte {
		return said("CUENTA.SEQ", "7c0ffee123456789", strconv.Itoa(1e6+n), "LOWEST", strconv.Itoa(1e6), "INCR", "key:000000012345")
	}},
	{"ONCE", func(n int) []byte {
		return said("CUENTA.ONCE", fmt.Sprintf("0193e0a4-77b1-7cc3-9d52-%012d", n), "INCR", "key:000000012345")
	}},
}

// counting is a session that is sent the same commands over and over, without a
// service.
type counting struct {
	session *Session
	stream  []byte
	batch   cuenta.Batch
	results []cuenta.Result
	out     []byte
}

func newCounting(depth int, say func(n int) []byte) *counting {
	c := &counting{
		session: New(Config{Directory: crowd{}}).NewSession("127.0.0.1:50001", "here"),
		batch:   cuenta.Batch{Requests: make([]cuenta.Request, 0, depth)},
		results: make([]cuenta.Result, depth),
	}
	for i := range depth {
		c.stream = append(c.stream, say(i)...)
		c.results[i].Value = 12345
	}
	return c
}

func (c *counting) round() {
	for rest := c.stream; len(rest) > 0; {
		n := copy(c.session.Space(), rest)
		c.session.Filled(n)
		rest = rest[n:]
		c.batch.Requests = c.batch.Requests[:0]
		c.out = c.session.AppendAnswers(c.out[:0], c.results[:c.session.Decode(&c.batch, cuenta.MaxBatch)])
	}
}

// Counting allocates nothing, with an identity or without.
func TestCountingDoesNotAllocate(t *testing.T) {
	for _, how := range countings {
		c := newCounting(16, how.say)
		for range 3 {
			c.round() // until the buffers have their size
		}
		if n := testing.AllocsPerRun(100, c.round); n != 0 {
			t.Errorf("%s: %v allocations", how.name, n)
		}
		if c.session.Malformed() != 0 {
			t.Errorf("%s: %q", how.name, c.out)
		}
	}
}

func BenchmarkSession(b *testing.B) {
	for _, how := range countings {
		for _, depth := range []int{1, 16, 128} {
			b.Run(fmt.Sprintf("%s/P=%d", how.name, depth), func(b *testing.B) {
				c := newCounting(depth, how.say)
				b.ReportAllocs()
				for b.Loop() {
					c.round()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*depth), "ns/command")
			})
		}
	}
}
