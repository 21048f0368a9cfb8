package bench

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/front/local"
	"github.com/cuenta-server/cuenta/internal/front/resp"
	"github.com/cuenta-server/cuenta/internal/front/rpc"
	fronts "github.com/cuenta-server/cuenta/internal/front/stream"
	"github.com/cuenta-server/cuenta/internal/front/tcp"
	"github.com/cuenta-server/cuenta/internal/front/udp"
	"github.com/cuenta-server/cuenta/internal/front/web"
)

// operator is one that nothing is asked of.
type operator struct{ cuenta.Operator }

// serve puts a front before the service and returns its address.
func serve(t *testing.T, front string, service *fronttest.Service) string {
	t.Helper()
	traffic, log := new(cuenta.Traffic), slog.New(slog.DiscardHandler)
	cut, cancel := context.WithCancel(context.Background())
	cancel()
	if front == cuenta.FrontUDP {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := udp.New(udp.Config{Service: service, Traffic: traffic, Log: log})
		go s.Serve(conn)
		t.Cleanup(func() { s.Drain(cut) })
		return conn.LocalAddr().String()
	}
	network, address := "tcp", "127.0.0.1:0"
	if front == cuenta.FrontSHM {
		// A socket's path must be short, so it is not in the test's own directory.
		dir, err := os.MkdirTemp("", "cuenta")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		network, address = "unix", filepath.Join(dir, "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	var s interface {
		Serve(net.Listener) error
		Drain(context.Context) error
	}
	switch front {
	case cuenta.FrontSHM:
		if s, err = local.New(local.Config{Service: service, Traffic: traffic, Log: log}); err != nil {
			t.Fatal(err)
		}
	case cuenta.FrontRESP:
		protocol := resp.New(resp.Config{Directory: operator{}})
		s = fronts.New(fronts.Config{Service: service, Traffic: traffic, Log: log, Front: front, Class: cuenta.ClassRemote,
			New: func(peer, local string) fronts.Conversation { return protocol.NewSession(peer, local) }})
	case cuenta.FrontTCP:
		s = tcp.New(tcp.Config{Service: service, Traffic: traffic, Log: log})
	case cuenta.FrontWeb:
		s = web.New(web.Config{Service: service, Operator: operator{}, Traffic: traffic, Log: log})
	case cuenta.FrontRPC:
		s = rpc.New(rpc.Config{Service: service, Operator: operator{}, Traffic: traffic, Log: log, Front: front, Class: cuenta.ClassRemote})
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Drain(cut) })
	return l.Addr().String()
}

var served = servable()

func servable() []string {
	all := []string{cuenta.FrontTCP, cuenta.FrontUDP, cuenta.FrontWeb, cuenta.FrontRPC, cuenta.FrontRESP}
	if runtime.GOOS == "linux" {
		all = append(all, cuenta.FrontSHM)
	}
	return all
}

// count adds up what the service holds.
func count(service *fronttest.Service, keys int) (sum int64) {
	for key := range keys {
		value, _ := service.Value("key:" + string(appendDigits(nil, uint64(key))))
		sum += value
	}
	return sum
}

func TestCountsWhatTheServiceCounted(t *testing.T) {
	for _, front := range served {
		t.Run(front, func(t *testing.T) {
			service := fronttest.NewService()
			c := Config{
				Front: front, Address: serve(t, front, service), Connections: 7, Pipeline: 9, Keys: 50,
				Distribution: Uniform, Operations: 3001, WarmUp: 20 * time.Millisecond,
			}
			r, err := Run(t.Context(), c, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.Operations != c.Operations || r.Errors != 0 || len(r.ErrorKinds) != 0 || r.Unsent != 0 {
				t.Errorf("%+v", r)
			}
			if r.WarmedUp == 0 {
				t.Error("nothing was done to warm up")
			}
			if got := count(service, int(c.Keys)); got != r.WarmedUp+r.Operations {
				t.Errorf("the service counted %d, the generator %d and %d", got, r.WarmedUp, r.Operations)
			}
			if service.Len() != int(c.Keys) {
				t.Errorf("%d counters, want %d", service.Len(), c.Keys)
			}
			if l := r.Latency; l.Min <= 0 || l.Min > l.P50 || l.P50 > l.P99 || l.P99 > l.P9999 || l.P9999 > l.Max || l.Max > r.Elapsed {
				t.Errorf("latencies out of order: %+v in %v", l, r.Elapsed)
			}
			if r.OperationsPerSecond <= 0 {
				t.Errorf("%v operations a second", r.OperationsPerSecond)
			}
		})
	}
}

// Every operation has its identity, so the service can count what it has carried
// out under one.
func TestIdentities(t *testing.T) {
	for _, front := range served {
		for _, form := range Identities {
			t.Run(front+"/"+string(form), func(t *testing.T) {
				service := fronttest.NewService()
				c := Config{
					Front: front, Address: serve(t, front, service), Connections: 3, Pipeline: 9, Keys: 50,
					Distribution: Uniform, Operations: 1000, Identity: form,
				}
				r, err := Run(t.Context(), c, nil)
				if !form.CanCarry(front) {
					if err == nil {
						t.Error("there are no sessions on this front")
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if r.Operations != c.Operations || r.Errors != 0 || r.Identity != form {
					t.Errorf("%+v", r)
				}
				identified, want := 0, 0
				for _, n := range service.Clients() {
					identified += n
				}
				if form != NoIdentity {
					want = 1000
				}
				if got := count(service, int(c.Keys)); got != r.Operations || identified != want {
					t.Errorf("the service counted %d, of %d operations with an identity", got, identified)
				}
			})
		}
	}
}

func TestNoSession(t *testing.T) {
	for _, front := range served {
		if !Sessions.CanCarry(front) {
			continue
		}
		service := fronttest.NewService()
		service.Refuse(cuenta.Busy)
		_, err := Run(t.Context(), Config{Front: front, Address: serve(t, front, service), Connections: 1, Pipeline: 1, Keys: 1,
			Distribution: Hot, Operations: 1, Identity: Sessions}, nil)
		if err == nil || !strings.Contains(err.Error(), "no session: ") {
			t.Errorf("%s: %v", front, err)
		}
	}
}

func TestOpenLoopOverEveryFront(t *testing.T) {
	for _, front := range served {
		t.Run(front, func(t *testing.T) {
			service := fronttest.NewService()
			r, err := Run(t.Context(), Config{
				Front: front, Address: serve(t, front, service), Connections: 3, Pipeline: 4, Keys: 1,
				Distribution: Hot, Rate: 20_000, Operations: 2000,
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := count(service, 1); got != 2000 || r.Operations != 2000 || r.Errors != 0 {
				t.Errorf("the service counted %d, the generator %+v", got, r)
			}
			// The last of them was not due before, however fast the machine.
			if r.Elapsed < 2000*time.Second/20_000-time.Millisecond {
				t.Errorf("2000 operations at 20,000 a second took %v", r.Elapsed)
			}
		})
	}
}

func TestRefusalsAreErrors(t *testing.T) {
	kinds := map[string]string{
		cuenta.FrontTCP:  "error busy the server is at its limit, try again",
		cuenta.FrontUDP:  "error busy the server is at its limit, try again",
		cuenta.FrontWeb:  "error busy the server is at its limit, try again",
		cuenta.FrontRPC:  "busy: the server is at its limit, try again",
		cuenta.FrontRESP: "TRYAGAIN the server is at its limit",
		cuenta.FrontSHM:  "busy: the server is at its limit, try again",
	}
	for _, front := range served {
		t.Run(front, func(t *testing.T) {
			service := fronttest.NewService()
			service.Refuse(cuenta.Busy)
			r, err := Run(t.Context(), Config{
				Front: front, Address: serve(t, front, service), Connections: 2, Pipeline: 3, Keys: 10,
				Distribution: Uniform, Operations: 100,
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.Operations != 0 || r.Errors != 100 || r.ErrorKinds[kinds[front]] != 100 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, front := range []string{cuenta.FrontTCP, cuenta.FrontRPC, cuenta.FrontRESP, cuenta.FrontSHM} {
		_, err := Run(t.Context(), Config{Front: front, Address: l.Addr().String(), Connections: 2, Pipeline: 1, Keys: 1,
			Distribution: Hot, Operations: 1}, nil)
		if err == nil {
			t.Errorf("%s: a report of nothing", front)
		}
	}
}

// TestStrangers: what answers is of another protocol. Nothing of it counts, and the run ends.
func TestStrangers(t *testing.T) {
	service := fronttest.NewService()
	lines, web := serve(t, cuenta.FrontTCP, service), serve(t, cuenta.FrontWeb, service)
	for _, c := range []struct{ front, address string }{
		{cuenta.FrontRESP, lines}, {cuenta.FrontWeb, lines}, {cuenta.FrontTCP, web}, {cuenta.FrontRESP, web},
	} {
		r, err := Run(t.Context(), Config{Front: c.front, Address: c.address, Connections: 2, Pipeline: 2, Keys: 1,
			Distribution: Hot, Operations: 4}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Operations != 0 || r.Errors == 0 {
			t.Errorf("%s at another front: %+v", c.front, r)
		}
	}
	if _, err := Run(t.Context(), Config{Front: cuenta.FrontRPC, Address: web, Connections: 1, Pipeline: 1, Keys: 1,
		Distribution: Hot, Operations: 1}, nil); err == nil {
		t.Error("net/rpc was spoken to the web front")
	}
	if service.Len() != 0 {
		t.Errorf("%d counters were made", service.Len())
	}
}
