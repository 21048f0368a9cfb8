package web

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
)

// TestForeignPages sends what a browser sends for a page that is not ours.
func TestForeignPages(t *testing.T) {
	s := start(t, Config{})
	_, port, _ := net.SplitHostPort(s.address)
	for _, headers := range [][]string{
		{"Origin: http://evil.example"},
		{"Origin: null"},
		{"Origin:"},
		{"Origin: http://localhost:" + port}, // another origin than 127.0.0.1
		{"Origin: http://127.0.0.1:1"},
		{"Origin: http://" + s.address + ".evil.example"},
		{"Origin: http://" + s.address + "@evil.example"},
		{"Origin: http://" + s.address, "Origin: http://evil.example"},
		{"Origin: " + s.address},
		{"Referer: http://evil.example/page"},
		{"Referer: http://127.0.0.1:1/"},
		{"Sec-Fetch-Site: cross-site"},
		{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"},
		{"Sec-Fetch-Site: same-site"},
		{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"},
		{"sec-fetch-site: Cross-Site"},
		{"Sec-Fetch-Site:"},
		{"Sec-Fetch-Site: same-origin", "Origin: http://evil.example"},
		{"Sec-Fetch-Site: none", "Sec-Purpose: prefetch;prerender"},
		{"Sec-Fetch-Site: none", "Sec-Purpose: prefetch"},
		{"Purpose: prefetch"},
		{"X-Purpose: preview"},
		{"X-Moz: prefetch"},
		{"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
	} {
		a := s.ask("GET", "/cambiar?counter=inc.5", headers...)
		if a.status != 403 || !strings.HasPrefix(a.body, "error forbidden ") {
			t.Errorf("%q: %d %q", headers, a.status, a.body)
		}
		if browserOnly := strings.HasPrefix(headers[0], "User-Agent"); !browserOnly {
			if a := s.ask("GET", "/info", headers...); a.status != 403 {
				t.Errorf("/info %q: %d", headers, a.status)
			}
		}
	}
	if a := s.ask("OPTIONS", "/cambiar?counter=inc.5", "Origin: http://evil.example", "Access-Control-Request-Method: GET"); a.status != 403 || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight: %d %v", a.status, a.header)
	}
	if calls := s.service.Calls(); calls.Batches != 0 {
		t.Errorf("%d batches were executed", calls.Batches)
	}
}

func TestOwnPagesAndPeople(t *testing.T) {
	s := start(t, Config{})
	for i, headers := range [][]string{
		{"User-Agent: curl/8.5.0"},
		{"Origin: http://" + s.address},
		{"Referer: http://" + s.address + "/info"},
		{"Sec-Fetch-Site: none", "User-Agent: Mozilla/5.0"},
		{"Sec-Fetch-Site: same-origin", "Origin: http://" + s.address, "User-Agent: Mozilla/5.0"},
	} {
		s.expect(s.ask("GET", "/cambiar?counter=inc.1", headers...), 200, fmt.Sprint("Valor del Contador, ", i+1))
	}
}

func TestHosts(t *testing.T) {
	s := start(t, Config{AllowedHosts: []string{"contador.example"}})
	_, port, _ := net.SplitHostPort(s.address)
	for _, host := range []string{
		s.address, "localhost", "localhost:" + port, "LOCALHOST:1", "127.0.0.1", "127.0.0.2:" + port, "[::1]", "[::1]:" + port,
		"contador.example", "Contador.Example:80",
	} {
		if a := s.ask("GET", "/info", "Host: "+host); a.status != 200 {
			t.Errorf("%s: %d %q", host, a.status, a.body)
		}
	}
	for _, host := range []string{
		"evil.example", "evil.example:" + port, "localhost.evil.example", "127.0.0.1.evil.example", "x.contador.example",
		"10.1.2.3:" + port, "0.0.0.0", "[2001:db8::1]", "", "localhost.", "127.1", "2130706433",
	} {
		a := s.ask("GET", "/cambiar?counter=inc.5", "Host: "+host)
		if a.status != 421 || !strings.HasPrefix(a.body, "error forbidden ") {
			t.Errorf("%q: %d %q", host, a.status, a.body)
		}
	}
	if calls := s.service.Calls(); calls.Batches != 0 {
		t.Errorf("%d batches were executed", calls.Batches)
	}
}

// TestNoHost allows HTTP/1.0, in which scripts may speak but no browser does.
func TestNoHost(t *testing.T) {
	s := start(t, Config{})
	conn := s.dial()
	defer conn.Close()
	send(t, conn, "GET /cambiar?counter=inc.5 HTTP/1.0\r\n\r\n")
	s.expect(read(t, bufio.NewReader(conn), "GET"), 200, "Valor del Contador, 5")
}
