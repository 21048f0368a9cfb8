package bench

import (
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// beyondFronts are those of this system.
func beyondFronts() []string {
	if runtime.GOOS != "linux" {
		return []string{cuenta.FrontRESP}
	}
	return beyond
}

// sum adds up the counters with a prefix.
func sum(service *fronttest.Service, prefix string, keys int64) (sum int64) {
	for key := range keys {
		value, _ := service.Value(prefix + string(appendDigits(nil, uint64(key))))
		sum += value
	}
	return sum
}

// Every operation over every front with every identity, and what the service has of it.
func TestEveryOperation(t *testing.T) {
	for _, front := range beyondFronts() {
		for _, op := range Ops {
			for _, form := range Identities {
				t.Run(front+"/"+string(op)+"/"+string(form), func(t *testing.T) {
					service := fronttest.NewService()
					c := Config{
						Front: front, Address: serve(t, front, service), Op: op, Connections: 3, Pipeline: 9, Keys: 50,
						Distribution: Uniform, Operations: 500, Identity: form,
					}
					r, err := Run(t.Context(), c, nil)
					if err != nil {
						t.Fatal(err)
					}
					if r.Operations != c.Operations || r.Errors != 0 || r.Op != op {
						t.Fatalf("%+v", r)
					}
					identified := 0
					for _, n := range service.Clients() {
						identified += n
					}
					want := 0
					if form != NoIdentity {
						want = 500
					}
					if op == Reserve {
						want *= 2 // a hold and its settling
					}
					if identified != want {
						t.Errorf("%d requests with an identity, want %d", identified, want)
					}
					checkDone(t, op, service, c.Keys)
				})
			}
		}
	}
}

// checkDone looks whether 500 operations have done what they should.
func checkDone(t *testing.T, op Op, service *fronttest.Service, keys int64) {
	got := sum(service, op.Prefix(), keys)
	want := map[Op]int64{Increment: 500, Bounded: 500 * limitedBy, Refused: 0, Transfer: 0, Reserve: 500, Ticket: 500, Expire: 500}
	if total, exact := want[op]; exact && got != total {
		t.Errorf("the counters together are %d, want %d", got, total)
	}
	switch op {
	case Clamped:
		for key := range keys {
			name := op.Prefix() + string(appendDigits(nil, uint64(key)))
			if value, revision := service.Value(name); revision > 0 && (value < leastBound || value >= limitedBy) {
				t.Errorf("%s is %d, which was not clamped", name, value)
			}
		}
	case Refused:
		if service.Len() != 0 {
			t.Errorf("%d counters were made", service.Len())
		}
	case Take:
		if service.Len() == 0 {
			t.Error("nothing was taken")
		}
	}
}

func TestTransfersMove(t *testing.T) {
	for _, front := range beyondFronts() {
		service := fronttest.NewService()
		_, err := Run(t.Context(), Config{Front: front, Address: serve(t, front, service), Op: Transfer, Connections: 2, Pipeline: 3,
			Keys: 10, Distribution: Hot, Operations: 100}, nil)
		if err != nil {
			t.Fatal(err)
		}
		from, _ := service.Value("key:000000000000")
		to, _ := service.Value("key:000000000005")
		if from != -100 || to != 100 {
			t.Errorf("%s: %d and %d", front, from, to)
		}
	}
}

// What is refused otherwise than was wanted is an error, of both halves of a pair.
func TestOperationsRefused(t *testing.T) {
	for _, front := range beyondFronts() {
		for _, op := range Ops {
			service := fronttest.NewService()
			service.Refuse(cuenta.Busy)
			r, err := Run(t.Context(), Config{Front: front, Address: serve(t, front, service), Op: op, Connections: 2, Pipeline: 3,
				Keys: 10, Distribution: Uniform, Operations: 60}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.Operations != 0 || r.Errors != 60 || len(r.ErrorKinds) != 1 {
				t.Errorf("%s %s: %+v", front, op, r)
			}
		}
	}
}

// Some counters have no room for a hold: the others' holds are settled.
func TestSomeHoldsRefused(t *testing.T) {
	for _, front := range beyondFronts() {
		service := fronttest.NewService()
		b := cuenta.Batch{Requests: []cuenta.Request{{Op: cuenta.Limit, Counter: []byte("res:000000000001"), Terms: &cuenta.Terms{Ceiling: cuenta.Bound{Set: true, At: 3}}}}}
		service.Do(t.Context(), &b)
		r, err := Run(t.Context(), Config{Front: front, Address: serve(t, front, service), Op: Reserve, Connections: 1, Pipeline: 7,
			Keys: 3, Distribution: Sequence, Operations: 90}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Operations != 63 || r.Errors != 27 {
			t.Errorf("%s: %+v", front, r)
		}
		if got := sum(service, "res:", 3); got != 63 {
			t.Errorf("%s: %d were settled", front, got)
		}
	}
}

func TestPhrases(t *testing.T) {
	a := newAsker(&Config{Op: Ticket, Keys: 10})
	copy(a.prefix[:], "0123456789abcdef")
	a.bound = 123456788
	for op, want := range map[Op]string{
		Bounded:  "INCREX key:000000000007 BYINT 1000000000 UBOUND 9223372036854775807 SATURATE",
		Refused:  "INCREX key:000000000007 BYINT 1000000000 UBOUND -9223372036854775808",
		Clamped:  "INCREX key:000000000007 BYINT 1000000000 UBOUND 123456789 SATURATE",
		Transfer: "CUENTA.TRANSFER key:000000000007 key:000000000002 1 FLOOR -9223372036854775808",
		Reserve:  "CUENTA.HOLD res:000000000007 1 EX 60",
		Take:     "CUENTA.TAKE rat:000000000007 1 FIXED 1000000000 PER 3600000",
		Ticket:   "CUENTA.TICKET tic:000000000007 0123456789abcdef000000000001",
		Expire:   "INCREX end:000000000007 BYINT 1 EX 3600",
	} {
		a.op = op
		got := string(a.codec().command(nil, 7, newNamer(NoIdentity)))
		words := strings.Fields(want)
		if want := string(appendCount(nil, len(words))) + bulks(words...); got != want {
			t.Errorf("%s: %q, want %q", op, got, want)
		}
	}
}

func TestArrays(t *testing.T) {
	const other = "another answer than expected"
	for _, x := range []struct {
		op              Op
		answer, refusal string
	}{
		{Bounded, "*2\r\n:1000000005\r\n:1000000000\r\n", ""},
		{Bounded, "*2\r\n:5\r\n:0\r\n", other},
		{Refused, "*2\r\n:-5\r\n:0\r\n", ""},
		{Refused, "*2\r\n:5\r\n:1\r\n", other},
		{Clamped, "*2\r\n:5\r\n:-3\r\n", ""},
		{Clamped, "*2\r\n:1000000005\r\n:1000000000\r\n", other},
		{Take, "*4\r\n:1\r\n:9\r\n:-1\r\n:3\r\n", ""},
		{Take, "*4\r\n:0\r\n:9\r\n:-1\r\n:3\r\n", other},
		{Ticket, "*3\r\n:7\r\n:7\r\n:1\r\n", ""},
		{Ticket, "*3\r\n:7\r\n:7\r\n:0\r\n", other},
		{Expire, "*3\r\n:7\r\n:7\r\n:1\r\n", other},
		{Expire, "-LIMIT no\r\n", "LIMIT no"},
		{Expire, ":7\r\n", ":7"},
		{Expire, "*2\r\n:1\r\n$1\r\n", "$1"},
		{Expire, "*2\r\n:\r\n", ":"},
		{Expire, "*9\r\n", "*9"},
	} {
		next := newAsker(&Config{Op: x.op, Keys: 1}).codec().next
		size, refusal := next([]byte(x.answer))
		if size != len(x.answer) || string(refusal) != x.refusal {
			t.Errorf("%s %q: %d bytes, %q", x.op, x.answer, size, refusal)
		}
		for cut := range len(x.answer) {
			if size, _ := next([]byte(x.answer[:cut])); size != 0 {
				t.Errorf("%s %q: taken for complete", x.op, x.answer[:cut])
			}
		}
	}
}

// TestReservationsInEverySplit: wherever a stream of answers is cut, the same is counted.
func TestReservationsInEverySplit(t *testing.T) {
	const held = "*2\r\n:7\r\n:1\r\n-LIMIT no\r\n*2\r\n:8\r\n:1\r\n*2\r\n:9\r\n:1\r\n"
	const settled = "*2\r\n:1\r\n:1\r\n-NOHOLD gone\r\n*2\r\n:2\r\n:1\r\n"
	for cut := range len(held) {
		near, far := net.Pipe()
		names := newNamer(NoIdentity)
		r := newReservations(newStream(near, newAsker(&Config{Op: Reserve, Keys: 4}).codec(), names), 4)
		asked := make(chan string, 1)
		go func() {
			b := make([]byte, 4096)
			far.Read(b)
			io.WriteString(far, held[:cut])
			io.WriteString(far, held[cut:])
			n, _ := far.Read(b)
			at := min(cut, len(settled)-1)
			io.WriteString(far, settled[:at])
			io.WriteString(far, settled[at:])
			asked <- string(b[:n])
		}()
		w := newWorker(&run{config: Config{Pipeline: 4}, recorders: []*recorder{newRecorder()}}, 0, r, nil)
		w.tally.due, w.tally.run = w.times, &run{}
		copy(w.keys, []uint64{1, 2, 3, 4})
		if err := r.exchange(w.keys, &w.tally); err != nil {
			t.Fatal(err)
		}
		total := newHistogram()
		if failed := w.tally.recorder.take(total); failed != 2 || total.TotalCount() != 2 || len(w.tally.due) != 0 {
			t.Errorf("cut at %d: %d answers, %d errors", cut, total.TotalCount(), failed)
		}
		want := ""
		for _, words := range []string{"res:000000000001 7", "res:000000000003 8", "res:000000000004 9"} {
			want += "*4\r\n" + bulks(append([]string{"CUENTA.SETTLE"}, append(strings.Fields(words), "1")...)...)
		}
		if got := <-asked; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		near.Close()
		far.Close()
	}
}

func TestOperationsThatCannotBe(t *testing.T) {
	good := Config{Front: cuenta.FrontTCP, Connections: 1, Pipeline: 1, Keys: 2, Distribution: Hot, Operations: 1,
		Dial: func(context.Context, string, string) (net.Conn, error) { panic("it was dialed") }}
	for _, spoil := range []func(*Config){
		func(c *Config) { c.Op = "multiply" },
		func(c *Config) { c.Op = Reserve },
		func(c *Config) { c.Front, c.Op, c.Keys = cuenta.FrontRESP, Transfer, 1 },
	} {
		c := good
		spoil(&c)
		if _, err := Run(t.Context(), c, nil); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
