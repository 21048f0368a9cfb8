package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// patience is how long a test waits before it calls the server dead. Only a
// failing test waits that long.
const patience = 20 * time.Second

// operator is a cuenta.Operator that only reports.
type operator struct {
	cuenta.Operator
	err error
}

func (o operator) Info(_ context.Context, asJSON bool) ([]byte, error) {
	if asJSON {
		return []byte(`{"all":"well"}`), o.err
	}
	return []byte("Informacion Completa\n"), o.err
}

// site is a server under test.
type site struct {
	t       testing.TB
	service *fronttest.Service
	traffic *cuenta.Traffic
	server  *Server
	address string
	served  chan error // what Serve returned
}

// start serves on a loopback port until the test ends.
func start(t testing.TB, c Config) *site {
	t.Helper()
	fronttest.NoLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, service: fronttest.NewService(), traffic: new(cuenta.Traffic), address: l.Addr().String(), served: make(chan error, 1)}
	c.Service, c.Traffic = s.service, s.traffic
	if c.Operator == nil {
		c.Operator = operator{}
	}
	s.server = New(c)
	go func() { s.served <- s.server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.server.Drain(ctx); err != nil {
			t.Error("drain:", err)
		}
		if err := <-s.served; err != nil {
			t.Error("serve:", err)
		}
		s.served <- nil // for a second clean-up
	})
	return s
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends one request on a connection of its own. Each line of headers is
// "Name: value".
func (s *site) ask(method, target string, headers ...string) answer {
	s.t.Helper()
	conn := s.dial()
	defer conn.Close()
	host := "Host: " + s.address + "\r\n"
	for _, h := range headers {
		if strings.HasPrefix(h, "Host:") {
			host = ""
		}
	}
	send(s.t, conn, method+" "+target+" HTTP/1.1\r\n"+host+strings.Join(append(headers, "Connection: close"), "\r\n")+"\r\n\r\n")
	return read(s.t, bufio.NewReader(conn), method)
}

func (s *site) dial() net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

func send(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, r *bufio.Reader, method string) answer {
	t.Helper()
	response, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

func (s *site) expect(a answer, status int, body string) {
	s.t.Helper()
	if a.status != status || a.body != body {
		s.t.Errorf("got %d %q, want %d %q", a.status, a.body, status, body)
	}
}

func TestCambiar(t *testing.T) {
	s := start(t, Config{})
	for _, step := range []struct{ query, body string }{
		{"counter=inc.5", "Valor del Contador, 5"},
		{"counter=dec.7", "Valor del Contador, -2"},
		{"counter=con.0", "Valor del Contador, -2"},
		{"counter=inc.0", "Valor del Contador, -2"},
		{"counter=inc.9+@visitas", "Valor del Contador, 9"},
		{"counter=inc.1%20%40visitas", "Valor del Contador, 10"},
		{"c%6funter=inc%2e1+@visitas", "Valor del Contador, 11"},
		{"counter=res.0", "Valor del Contador, 0"},
		{"counter=inc.9223372036854775807", "Valor del Contador, 9223372036854775807"},
	} {
		a := s.ask("GET", "/cambiar?"+step.query)
		s.expect(a, 200, step.body)
		for name, want := range map[string]string{
			"Content-Type":           "text/plain; charset=utf-8",
			"X-Content-Type-Options": "nosniff",
			"Cache-Control":          "no-store",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", step.query, name, got, want)
			}
		}
	}
	s.expect(s.ask("GET", "/cambiar?counter=inc.1"), 409, "error overflow the counter would pass 9223372036854775807")
	for origin := range s.service.Origins() {
		if _, _, err := net.SplitHostPort(origin.Peer); origin.Front != "web" || err != nil {
			t.Errorf("origin %+v", origin)
		}
	}
	if calls := s.service.Calls(); calls.Classes[cuenta.ClassConsole] != calls.Batches {
		t.Errorf("classes %v of %d batches", calls.Classes, calls.Batches)
	}
}

func TestMalformedQueries(t *testing.T) {
	s := start(t, Config{})
	for _, query := range []string{
		"", "?", "?counter", "?counter=", "?Counter=inc.5", "?contador=inc.5",
		"?counter=inc.5&counter=inc.5", "?counter=inc.5&x=1", "?counter=inc.5&", "?counter=inc.5;x=1", "?a&counter=inc.5",
		"?counter=inc", "?counter=inc.", "?counter=inc.x", "?counter=inc.-5", "?counter=inc.%2B5", "?counter=inc.5.5", "?counter=INC.5",
		"?counter=inc.0x5", "?counter=inc.5e1", "?counter=inc.5_0", "?counter=inc.%D9%A5", "?counter=inc.9223372036854775808",
		"?counter=inc.5%0A", "?counter=inc.5%0D%0A", "?counter=inc.5%00", "?counter=%EF%BB%BFinc.5", "?counter=inc.5+", "?counter=+inc.5",
		"?counter=inc.5%0Ainc.5", "?counter=inc.5+inc.5", "?counter=inc.5++@a", "?counter=inc.5+@", "?counter=inc.5+@a+@b", "?counter=inc.5+@a%09b",
		"?counter=inc.5%2", "?counter=inc.5%zz", "?counter=inc.5+id=", "?counter=res.1", "?counter=con.1",
		"?counter=ayuda", "?counter=salir", "?counter=inc." + strings.Repeat("0", 600) + "5",
		"?counter=inc.5+@" + strings.Repeat("a", 256),
	} {
		a := s.ask("GET", "/cambiar"+query)
		if a.status != 400 || a.body != "consulta mal formulada" {
			t.Errorf("%q: %d %q", query, a.status, a.body)
		}
	}
	if value, revision := s.service.Value(cuenta.DefaultCounter); value != 0 || revision != 0 || s.service.Len() != 0 {
		t.Errorf("value %d, revision %d, %d counters", value, revision, s.service.Len())
	}
}

func TestOtherMethods(t *testing.T) {
	s := start(t, Config{})
	for _, method := range []string{"HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PRI", "get"} {
		a := s.ask(method, "/cambiar?counter=inc.5")
		if a.status != 405 || a.header.Get("Allow") != "GET" {
			t.Errorf("%s /cambiar: %d, Allow %q", method, a.status, a.header.Get("Allow"))
		}
		if method == "HEAD" {
			continue
		}
		a = s.ask(method, "/info")
		if a.status != 405 || a.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s /info: %d, Allow %q", method, a.status, a.header.Get("Allow"))
		}
	}
	for _, target := range []string{"/", "/cambiar/", "//cambiar", "/Cambiar", "/info/", "/cambiar/../x"} {
		if a := s.ask("GET", target+"?counter=inc.5"); a.status != 404 {
			t.Errorf("%s: %d", target, a.status)
		}
	}
	if a := s.ask("OPTIONS", "*"); a.status != 404 {
		t.Errorf("OPTIONS *: %d", a.status)
	}
	if calls := s.service.Calls(); calls.Batches != 0 {
		t.Errorf("%d batches were executed", calls.Batches)
	}
	if s.traffic.Requests.Load() != s.traffic.Errors.Load() || s.traffic.Requests.Load() == 0 {
		t.Errorf("%d requests, %d errors", s.traffic.Requests.Load(), s.traffic.Errors.Load())
	}
}

// TestEveryCode proves that the table of statuses is complete.
func TestEveryCode(t *testing.T) {
	s := start(t, Config{})
	for code := cuenta.OK + 1; code < cuenta.NumCodes; code++ {
		s.service.Refuse(code)
		a := s.ask("GET", "/cambiar?counter=inc.5")
		if a.status != statuses[code] || a.status < 400 || http.StatusText(a.status) == "" {
			t.Errorf("%v: status %d", code, a.status)
		}
		want := "error " + code.String() + " "
		if code == cuenta.Syntax {
			want = "consulta mal formulada"
		}
		if !strings.HasPrefix(a.body, want) {
			t.Errorf("%v: body %q", code, a.body)
		}
		if retry := a.header.Get("Retry-After") != ""; retry != (a.status == 503) {
			t.Errorf("%v: status %d, Retry-After %q", code, a.status, a.header.Get("Retry-After"))
		}
		if (a.status == 503 || a.status == 409) && code.Fate() != cuenta.NotApplied {
			t.Errorf("%v: status %d invites to repeat what may have been applied", code, a.status)
		}
	}
	if statuses[cuenta.OK] != 200 {
		t.Error("OK is not 200")
	}
}

// TestTerms: every command of the text protocol is one here.
func TestTerms(t *testing.T) {
	s := start(t, Config{})
	for _, step := range []struct {
		command string
		status  int
		body    string
	}{
		{"ing.100+@ana", 200, "Valor del Contador, 100"},
		{"ret.101+@ana", 409, "error limit the limit 0 leaves room for -100"},
		{"ret.101+@ana+sat", 200, "Valor del Contador, 0"},
		{"ret.1+@ana+min=-5+ttl=60", 200, "Valor del Contador, -1"},
		{"ttl.0+@ana", 200, "Valor del Contador, 60"},
		{"ttl.0+@nobody", 200, "Valor del Contador, -2"},
		{"exp.5+@nobody", 412, "error unmet the condition does not hold"},
		{"lim.0+@luis+max=9+min=-9", 200, "Valor del Contador, 0"},
		{"tra.10+@luis+@ana+min=-20", 409, "error limit the limit -9 leaves room for -9"},
		{"tra.9+@luis+@ana+min=-9", 200, "Valor del Contador, -9"},
		{"bal.0+@ana", 200, "Valor del Contador, 8"},
		{"lim.0+@plazas+max=9+total", 200, "Valor del Contador, 0"},
		{"apa.4+@plazas+ttl=60", 200, "Valor del Contador, 2"},
		{"dis.0+@plazas", 200, "Valor del Contador, 5"},
		{"liq.5+@plazas+de=2", 200, "Valor del Contador, 5"},
		{"sol.0+@plazas+de=2", 404, "error no-hold no such hold: settled, released or over"},
		{"tic.1+@turno+para=ana", 200, "Valor del Contador, 1"},
		{"val.1+@turno", 200, "Valor del Contador, 1"},
		{"cup.3+@api+max=3+per=3153600000", 200, "Valor del Contador, 0"},
		{"cup.4+@api+max=3+per=3153600000", 429, "error throttled more than the rate ever allows at once"},
		{"lim.0+min=1+max=0", 400, "consulta mal formulada"},
		{"ayuda+tra", 400, "consulta mal formulada"},
	} {
		s.expect(s.ask("GET", "/cambiar?counter="+step.command), step.status, step.body)
	}
}

// Who is throttled is told when to try again.
func TestRetryAfter(t *testing.T) {
	s := start(t, Config{})
	s.service.Now(func() time.Time { return time.Unix(1000, 1) })
	if a := s.ask("GET", "/cambiar?counter=cup.3+max=3+per=60+tipo=continua"); a.header.Get("Retry-After") != "" {
		t.Error("what is allowed need not be tried again")
	}
	for command, want := range map[string]string{"cup.1+max=3+per=60+tipo=continua": "20", "cup.4+max=3+per=60+tipo=continua": ""} {
		if a := s.ask("GET", "/cambiar?counter="+command); a.status != 429 || a.header.Get("Retry-After") != want {
			t.Errorf("%s: status %d, Retry-After %q, want %q", command, a.status, a.header.Get("Retry-After"), want)
		}
	}
}

func TestInfo(t *testing.T) {
	s := start(t, Config{})
	a := s.ask("GET", "/info")
	s.expect(a, 200, "Informacion Completa\n")
	if got := a.header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("text: %q", got)
	}
	a = s.ask("GET", "/info?format=json")
	s.expect(a, 200, `{"all":"well"}`)
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("JSON: %q", got)
	}
	a = s.ask("HEAD", "/info")
	s.expect(a, 200, "")
	if got := a.header.Get("Content-Length"); got != "21" {
		t.Errorf("HEAD: length %q", got)
	}
	for _, query := range []string{"format=xml", "format=", "format", "format=json&format=json", "format=json&x=1", "x=1", "format=JSON", "%zz"} {
		s.expect(s.ask("GET", "/info?"+query), 400, "consulta mal formulada")
	}
}

func TestInfoFails(t *testing.T) {
	s := start(t, Config{Operator: operator{err: errors.New("no eyes")}})
	s.expect(s.ask("GET", "/info"), 500, "error failed no eyes")
	s = start(t, Config{Operator: operator{err: fmt.Errorf("info: %w", cuenta.Busy.Err())}})
	s.expect(s.ask("GET", "/info"), 503, "error busy "+cuenta.Busy.Text())
}
