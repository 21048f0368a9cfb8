package system

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// peer returns the path of another program that the test drives. `make test`
// installs it; a plain `go test` passes over the test where it is missing.
func peer(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CUENTA_TEST_PEERS") != "" {
			t.Fatalf("%s is not installed: %v", name, err)
		}
		t.Skipf("%s is not installed; `make test` installs it", name)
	}
	return path
}

func shell(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(peer(t, name), args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = patience
	timer := time.AfterFunc(patience, func() {
		// It may have ended meanwhile, which is all that is wanted.
		_ = cmd.Process.Kill()
	})
	defer timer.Stop()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func TestCurl(t *testing.T) {
	s := serve(t)
	url := "http://" + s.fronts["web"]
	if got := shell(t, "", "curl", "-sS", url+"/cambiar?counter=inc.5"); got != "Valor del Contador, 5" {
		t.Errorf("curl got %q", got)
	}
	if got := shell(t, "", "curl", "-sS", "-w", " %{http_code}", url+"/cambiar?counter=inc.five"); got != "consulta mal formulada 400" {
		t.Errorf("curl got %q", got)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if got := shell(t, "", "curl", "-sS", "-o", os.DevNull, "-w", "%{http_code}", "-X", method, url+"/cambiar?counter=inc.5"); got != "405" {
			t.Errorf("%s got %q", method, got)
		}
	}
	if got := shell(t, "", "curl", "-sS", url+"/cambiar?counter=con.0"); got != "Valor del Contador, 5" {
		t.Errorf("after the refusals curl got %q", got)
	}
}

func TestNetcat(t *testing.T) {
	s := serve(t, "--workers", "2")
	for _, front := range []string{"tcp", "proc"} {
		port := portOf(t, s.fronts[front])
		// The original's client sends an empty line after each command.
		if got := shell(t, "inc.4 @nc-"+front+"\n\ninc.9 @nc-"+front+"\n\nsalir\n", "nc", "127.0.0.1", port); got != "4\n13\nadios\n" {
			t.Errorf("%s: nc got %q", front, got)
		}
	}
	port := portOf(t, s.fronts["udp"])
	if got := shell(t, "inc.13 @nc-udp\n", "nc", "-u", "-W1", "127.0.0.1", port); got != "13\n" {
		t.Errorf("udp: nc got %q", got)
	}
}
