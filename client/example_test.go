package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/client"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/engine"
	"github.com/cuenta-server/cuenta/internal/front/api"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/front/web"
)

// start begins to serve on a free port, and returns where. Against a server of
// your own its address stands there instead, as in cuenta://localhost:1234.
func start() (address string, stop func()) { return serve(fronttest.NewService()) }

func serve(service cuenta.Service) (address string, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := web.New(web.Config{Service: service, API: api.New(api.Config{Service: service})})
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	return "cuenta://" + l.Addr().String(), func() {
		if err := errors.Join(server.Drain(context.Background()), <-done); err != nil {
			log.Fatal(err)
		}
	}
}

// opened returns a client of a server that is just for the example.
func opened() (c *client.Client, stop func()) {
	service, err := engine.Open(engine.Config{FS: disktest.New(), Dir: "/data", MaxCounters: 100, SegmentSize: 256 << 10})
	if err != nil {
		log.Fatal(err)
	}
	address, halt := serve(service)
	if c, err = client.Open(context.Background(), address); err != nil {
		log.Fatal(err)
	}
	return c, func() {
		_ = c.Close() // it does not fail
		halt()
		if err := service.Close(); err != nil {
			log.Fatal(err)
		}
	}
}

func Example() {
	address, stop := start()
	defer stop()
	ctx := context.Background()

	c, err := client.Open(ctx, address)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	visits := c.Counter("visitas")
	if _, err := visits.Add(ctx, 5); err != nil {
		log.Fatal(err)
	}
	r, err := visits.Add(ctx, -2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Value, "after", r.Revision, "changes")
	// Output: 3 after 2 changes
}

// A change that belongs to something with a name of its own is given that name:
// however often the order is processed, its items are counted once.
func ExampleCounter_Once() {
	address, stop := start()
	defer stop()
	ctx := context.Background()
	c, err := client.Open(ctx, address)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	for range 3 {
		r, err := c.Counter("vendidos").Once("pedido-1017").Add(ctx, 4)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Value, r.Replayed)
	}
	// Output:
	// 4 false
	// 4 true
	// 4 true
}

func ExampleCounter_AddAsync() {
	address, stop := start()
	defer stop()
	ctx := context.Background()
	c, err := client.Open(ctx, address)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	futures := make([]*client.Future, 100)
	for i := range futures {
		futures[i] = c.Counter("visitas").AddAsync(ctx, 1)
	}
	highest := int64(0)
	for _, f := range futures {
		r, err := f.Wait(ctx)
		if err != nil {
			log.Fatal(err)
		}
		highest = max(highest, r.Value)
	}
	fmt.Println(highest)
	// Output: 100
}

// Each operation of a batch succeeds or fails by itself.
func ExampleBatch_Do() {
	address, stop := start()
	defer stop()
	ctx := context.Background()
	c, err := client.Open(ctx, address)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	b := c.Batch()
	b.Add("entradas", 1)
	b.Add("salidas", 1<<63-1)
	b.Add("salidas", 1)
	b.Reset("hoy")
	items, err := b.Do(ctx)
	for _, item := range items {
		fmt.Println(item.Value, item.Err)
	}
	fmt.Println(errors.Is(err, cuenta.Overflow.Err()))
	// Output:
	// 1 <nil>
	// 9223372036854775807 <nil>
	// 0 add "salidas": overflow: the counter would pass 9223372036854775807
	// 0 <nil>
	// true
}

// Something is taken from one counter and given to another, or neither.
func ExampleBatch_DoAtomic() {
	address, stop := start()
	defer stop()
	ctx := context.Background()
	c, err := client.Open(ctx, address)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	b := c.Batch()
	b.Add("almacen", -10)
	b.Add("tienda", 10)
	results, err := b.DoAtomic(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(results[0].Value, results[1].Value)
	// Output: -10 10
}

// When the time is up and nobody knows whether a change was counted, the error
// says so, and what to ask by: now, later, or from another program.
func ExampleClient_Outcome() {
	address, stop := start()
	defer stop()
	c, err := client.Options{Timeout: time.Minute}.Open(context.Background(), address)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = c.Counter("visitas").Add(ctx, 1)
	if e, ok := errors.AsType[*client.Error](err); ok && e.Fate == cuenta.FateUnknown {
		r, err := c.Outcome(context.Background(), e.Identity)
		switch {
		case err == nil:
			fmt.Println("it was counted:", r.Value)
		case errors.Is(err, cuenta.Absent.Err()):
			fmt.Println("it was not counted")
		default:
			fmt.Println("it cannot be known:", err)
		}
	}
	// Output:
}

// A budget that holds whatever the way in: what does not fit is refused, and the error
// tells how much would have.
func ExampleCounter_SetLimits() {
	c, stop := opened()
	defer stop()
	ctx := context.Background()

	budget := c.Counter("presupuesto")
	if _, err := budget.SetLimits(ctx, client.Floor(0), client.Ceiling(100)); err != nil {
		log.Fatal(err)
	}
	_, err := budget.Add(ctx, 120)
	if e, ok := errors.AsType[*client.Error](err); ok && e.Limit != nil {
		fmt.Println("only", e.Limit.Room, "fit below", e.Limit.At)
	}
	r, err := budget.Add(ctx, 120, client.Clamp())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Value, "of which", r.Applied, "just now")
	// Output:
	// only 100 fit below 100
	// 100 of which 100 just now
}

// What nobody renews is gone by itself.
func ExampleCounter_Expire() {
	c, stop := opened()
	defer stop()
	ctx := context.Background()

	online := c.Counter("conectados:ana")
	if _, err := online.Add(ctx, 1, client.After(time.Minute)); err != nil {
		log.Fatal(err)
	}
	if _, err := online.Expire(ctx, client.After(time.Hour)); err != nil {
		log.Fatal(err)
	}
	d, err := online.Describe(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(d.Value, d.Left.Round(time.Minute))
	// Output: 1 1h0m0s
}

// A transfer is refused below 0, unless it is told another floor.
func ExampleClient_Transfer() {
	c, stop := opened()
	defer stop()
	ctx := context.Background()

	if _, err := c.Counter("caja").Set(ctx, 100); err != nil {
		log.Fatal(err)
	}
	r, err := c.Transfer(ctx, "caja", "banco", 70)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.From.Value, r.To.Value)
	_, err = c.Transfer(ctx, "caja", "banco", 70)
	fmt.Println(errors.Is(err, cuenta.Limited.Err()))
	// Output:
	// 30 70
	// true
}

// Ten at once, and one more every minute.
func ExampleCounter_Take() {
	c, stop := opened()
	defer stop()
	ctx := context.Background()

	rate := client.Steady(1, time.Minute, 10)
	for range 3 {
		t, err := c.Counter("correo:ana").Take(ctx, rate, 4)
		if err != nil {
			log.Fatal(err)
		}
		if !t.Allowed {
			fmt.Println("again in", t.RetryAfter.Round(time.Minute))
			break
		}
		fmt.Println(t.Remaining, "left")
	}
	// Output:
	// 6 left
	// 2 left
	// again in 2m0s
}

// Whoever asks again has the same number.
func ExampleCounter_Ticket() {
	c, stop := opened()
	defer stop()
	ctx := context.Background()

	for _, ident := range []string{"ana", "beto", "ana"} {
		t, err := c.Counter("turno").Ticket(ctx, ident)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(ident, t.First, t.Known)
	}
	// Output:
	// ana 1 false
	// beto 2 false
	// ana 1 true
}

// Tokens are held before they are used, and settled with what was used of them.
func ExampleCounter_Hold() {
	c, stop := opened()
	defer stop()
	ctx := context.Background()

	tokens := c.Counter("tokens:acme")
	if _, err := tokens.SetLimits(ctx, client.Ceiling(1000)); err != nil {
		log.Fatal(err)
	}
	hold, err := tokens.Hold(ctx, 400, client.After(5*time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(hold.Available, "left for others")
	r, err := tokens.Settle(ctx, hold.ID, 250)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Value, "used")
	// Output:
	// 600 left for others
	// 250 used
}

// Every hold, and what they come to.
func ExampleCounter_Holds() {
	c, stop := opened()
	defer stop()
	ctx := context.Background()

	tokens := c.Counter("tokens:acme")
	for _, amount := range []int64{400, 250} {
		if _, err := tokens.Hold(ctx, amount, client.After(5*time.Minute)); err != nil {
			log.Fatal(err)
		}
	}
	sum := int64(0)
	for hold, err := range tokens.Holds(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		sum += hold.Amount
	}
	fmt.Println(sum, "held")
	// Output: 650 held
}
