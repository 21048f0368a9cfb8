package system

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
)

// everyConsole runs f with the flags that choose the local and the remote console.
func everyConsole(t *testing.T, s *server, f func(t *testing.T, flags []string)) {
	t.Run("local", func(t *testing.T) { f(t, nil) })
	t.Run("remote", func(t *testing.T) { f(t, []string{"--remote", s.fronts["rpc"]}) })
}

func TestOneShotCommands(t *testing.T) {
	s := serve(t)
	everyConsole(t, s, func(t *testing.T, flags []string) {
		counter := strings.ReplaceAll(t.Name(), "/", ".")
		for _, c := range []struct {
			args []string
			out  string
			exit int
		}{
			{[]string{"inc", "4", counter}, "4\n", 0},
			{[]string{"dec", "1", counter}, "3\n", 0},
			{[]string{"get", counter}, "3\n", 0},
			{[]string{"list", counter}, counter + "\t3\n", 0},
			{[]string{"reset", counter}, "0\n", 0},
			{[]string{"get", "nobody-touched-this"}, "0\n", 0},
			{[]string{"inc", "9223372036854775807", counter}, "9223372036854775807\n", 0},
		} {
			out, exit := s.cuenta("", append(c.args, flags...)...)
			if out != c.out || exit != c.exit {
				t.Errorf("%v: exit %d, %q; want %d, %q", c.args, exit, out, c.exit, c.out)
			}
		}
		if out, exit := s.cuenta("", append([]string{"inc", "1", counter}, flags...)...); exit != 1 || !strings.Contains(out, "overflow") {
			t.Errorf("overflow: exit %d, %q", exit, out)
		}
		if out, exit := s.cuenta("", append([]string{"inc", "uno"}, flags...)...); exit != 2 {
			t.Errorf("a number in letters: exit %d, %q; want 2", exit, out)
		}
	})
}

func TestPipedConsole(t *testing.T) {
	s := serve(t)
	everyConsole(t, s, func(t *testing.T, flags []string) {
		console := append([]string{"console"}, flags...)
		out, exit := s.cuenta("res.0\ninc.4\n\ninc.9\nservicios\ninfo\n", console...)
		if exit != 0 || !strings.Contains(out, "13") || !strings.Contains(out, "Informacion Completa") {
			t.Errorf("exit %d:\n%s", exit, out)
		}
		out, exit = s.cuenta("inc.x\ninc.1\n", console...)
		if exit != 1 || !strings.Contains(out, "14") {
			t.Errorf("after a bad line the rest still runs, and the exit status is 1; got %d:\n%s", exit, out)
		}
	})
}

func TestClients(t *testing.T) {
	s := serve(t)
	for front, words := range map[string]string{
		"udp": "Estado Del Contador: 13", "tcp": "Estado Del Contador->: 13", "proc": "Estado Del Contador->: 13",
	} {
		out, exit := s.cuenta("inc.4 @"+front+"\ninc.9 @"+front+"\n", "client", front, s.fronts[front])
		if exit != 0 || !strings.Contains(out, words) {
			t.Errorf("%s: exit %d, %q; want %q", front, exit, out, words)
		}
	}
}

// TestStopAndStart stops each front from each console while a client counts over
// another one, and starts it again on the same port. A front that is stopped
// through itself answers first.
func TestStopAndStart(t *testing.T) {
	s := serve(t, "--workers", "2")
	everyConsole(t, s, func(t *testing.T, flags []string) {
		for _, front := range counting {
			other := "tcp"
			if front == "tcp" {
				other = "proc"
			}
			c := s.client(other)
			defer c.close()
			before, err := c.do("con.0")
			if err != nil {
				t.Fatal(err)
			}
			if out, exit := s.cuenta("", append([]string{"stop", front}, flags...)...); exit != 0 {
				t.Fatalf("stop %s: exit %d, %s", front, exit, out)
			}
			must(t, c, "inc.1", before+1)
			flags := flags
			if front == "rpc" {
				flags = nil // nobody is there to be asked
			}
			s.awaitState(front, "stopped")
			if conn, err := net.Dial("tcp", s.fronts[front]); err == nil && front != "udp" {
				conn.Close()
				t.Errorf("%s was stopped and still accepts", front)
			}
			if out, exit := s.cuenta("", append([]string{"start", front}, flags...)...); exit != 0 {
				t.Fatalf("start %s: exit %d, %s", front, exit, out)
			}
			again := s.client(front)
			must(t, again, "inc.1", before+2)
			again.close()
		}
		if out, exit := s.cuenta("", append([]string{"stop", "gopher"}, flags...)...); exit != 1 || !strings.Contains(out, "gopher") {
			t.Errorf("stopping nothing: exit %d, %s", exit, out)
		}
	})
}

func (s *server) awaitState(front, state string) {
	s.t.Helper()
	var fronts []struct{ Name, State string }
	for range 3000 {
		var report struct{ Fronts json.RawMessage }
		out, exit := s.cuenta("", "info", "--json")
		if err := json.Unmarshal([]byte(out), &report); err != nil || exit != 0 {
			s.t.Fatalf("info --json: exit %d, %v in %s", exit, err, out)
		}
		if err := json.Unmarshal(report.Fronts, &fronts); err != nil {
			s.t.Fatal(err)
		}
		for _, f := range fronts {
			if f.Name == front && f.State == state {
				return
			}
		}
	}
	s.t.Fatalf("%s is not %s: %+v", front, state, fronts)
}

func TestStartReportsABusyPort(t *testing.T) {
	s := serve(t)
	if out, exit := s.cuenta("", "stop", "tcp"); exit != 0 {
		t.Fatalf("exit %d, %s", exit, out)
	}
	l, err := net.Listen("tcp", s.fronts["tcp"])
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out, exit := s.cuenta("", "start", "tcp")
	if exit != 1 || !strings.Contains(out, "busy") || !strings.Contains(out, portOf(t, s.fronts["tcp"])) {
		t.Errorf("starting on a port that is taken: exit %d, %s", exit, out)
	}
}

// TestInfoShowsWhatTheOriginalShowed reads the same report over every way to it.
func TestInfoShowsWhatTheOriginalShowed(t *testing.T) {
	s := serve(t, "--workers", "2")
	c := s.client("proc")
	defer c.close()
	must(t, c, "inc.3", 3)
	local, _ := s.cuenta("", "info")
	remote, _ := s.cuenta("", "info", "--remote", s.fronts["rpc"])
	for name, text := range map[string]string{"local": local, "remote": remote, "web": get(t, "http://"+s.fronts["web"]+"/info")} {
		words := []string{"Informacion Completa", "Conexiones activas", "Informacion Resumida",
			"established : ", "close_wait : ", "time_wait : ", "listen : "}
		for _, front := range counting {
			port := portOf(t, s.fronts[front])
			words = append(words, "Información De quien usa el puerto "+port, fmt.Sprintf("El puerto %s está activo actualmente", port))
		}
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("%s: info lacks %q", name, w)
			}
		}
	}
	var report struct {
		Service struct{ Counters int }
		Workers []struct{ PID int }
	}
	if err := json.Unmarshal([]byte(get(t, "http://"+s.fronts["web"]+"/info?format=json")), &report); err != nil {
		t.Fatal(err)
	}
	if report.Service.Counters != 1 || len(report.Workers) != 2 {
		t.Errorf("report %+v, want one counter and two workers", report)
	}
}
