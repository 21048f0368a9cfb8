package api

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
	"github.com/cuenta-server/cuenta/proto/cuenta/v1/cuentav1connect"
)

func pack(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// saying has a packed text say that it has another size.
func saying(packed string, size uint32) string {
	return string(binary.LittleEndian.AppendUint32([]byte(packed[:len(packed)-4]), size))
}

// framed is a packed message as gRPC has it.
func framed(packed string) string {
	return string(binary.BigEndian.AppendUint32([]byte{1}, uint32(len(packed)))) + packed
}

func TestPackedRequests(t *testing.T) {
	large := &cuentav1.BatchRequest{}
	for range cuenta.MaxBatch {
		large.Operations = append(large.Operations, &cuentav1.Operation{Operation: &cuentav1.Operation_Add{Add: &cuentav1.AddRequest{Counter: "a"}}})
	}
	for name, options := range map[string][]connect.ClientOption{
		"connect": nil, "json": {connect.WithProtoJSON()}, "get": {connect.WithHTTPGet()}, "grpc": {connect.WithGRPC()}, "grpc-web": {connect.WithGRPCWeb()},
	} {
		s := start(t)
		client := cuentav1connect.NewCounterServiceClient(s.http2, s.url, append(options, connect.WithSendGzip())...)
		added, err := client.Add(t.Context(), &cuentav1.AddRequest{Counter: "a"})
		expect(t, added, err, &cuentav1.AddResponse{Value: 1, Revision: 1})
		got, err := client.Get(t.Context(), &cuentav1.GetRequest{Counter: "a"})
		expect(t, got, err, &cuentav1.GetResponse{Value: 1, Revision: 1})
		batch, err := client.Batch(t.Context(), large)
		if err != nil || len(batch.Results) != cuenta.MaxBatch || batch.Results[cuenta.MaxBatch-1].GetAnswer().GetValue() != 1+cuenta.MaxBatch {
			t.Errorf("%s: %v", name, err)
		}
		if used := s.api.bodies.used.Load(); used != 0 {
			t.Errorf("%s: %d bytes are used for ever", name, used)
		}
	}
}

func TestPackedRequestsAtTheRoutes(t *testing.T) {
	s := start(t)
	s.expect(s.ask("POST", "/v1/counters/a:add", pack(t, `{"amount":"5"}`), "Content-Encoding: gzip"), 200, `{"value":"5","revision":"1","replayed":false}`)
	s.expect(s.ask("POST", "/v1/counters/a:add", `{"amount":"5"}`, "Content-Encoding: identity"), 200, `{"value":"10","revision":"2","replayed":false}`)
	broken := pack(t, `{"amount":"5"}`)
	for _, body := range []string{`{"amount":"5"}`, broken[:len(broken)-5], strings.Replace(broken, broken[12:14], "xx", 1)} {
		if p := s.ask("POST", "/v1/counters/a:add", body, "Content-Encoding: gzip"); p.status != 400 && p.status != 413 {
			t.Errorf("%q: %d %s", body, p.status, p.body)
		}
	}
	s.expectProblem(s.ask("POST", "/v1/counters/a:add", "x", "Content-Encoding: br"), 415, cuenta.Unsupported)
	if value, _ := s.service.Value("a"); value != 10 {
		t.Errorf("value %d", value)
	}
}

// TestPackedAnswers looks at what goes over the wire.
func TestPackedAnswers(t *testing.T) {
	s := start(t)
	s.operator.counters = names(200)
	list := func(target, body string, headers ...string) answer {
		return s.ask("POST", target, body, append(headers, "Accept-Encoding: gzip")...)
	}
	large := list("/cuenta.v1.CounterService/List", `{"pageSize":200}`)
	if large.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v", large.header)
	}
	r, err := gzip.NewReader(strings.NewReader(large.body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil || len(text) < packFrom || len(text) <= len(large.body) || !strings.HasPrefix(string(text), `{"counters":[{"name":`) {
		t.Errorf("%v: %d bytes became %d: %.100s", err, len(text), len(large.body), text)
	}
	if small := list("/cuenta.v1.CounterService/List", `{"pageSize":2}`); small.header.Get("Content-Encoding") != "" {
		t.Errorf("%v", small.header)
	}
	if route := s.ask("GET", "/v1/counters?page_size=200", "", "Accept-Encoding: gzip"); route.header.Get("Content-Encoding") != "" || len(route.body) < packFrom {
		t.Errorf("%v", route.header)
	}
	if plain := s.ask("POST", "/cuenta.v1.CounterService/List", `{"pageSize":200}`, "Accept-Encoding: identity"); plain.header.Get("Content-Encoding") != "" || plain.body != string(text) {
		t.Errorf("%v", plain.header)
	}
	message, err := proto.Marshal(&cuentav1.ListRequest{PageSize: 200})
	if err != nil {
		t.Fatal(err)
	}
	for encoding, flag := range map[string]byte{"gzip": 1, "identity": 0} {
		web := s.ask("POST", "/cuenta.v1.CounterService/List", "\x00\x00\x00\x00"+string(rune(len(message)))+string(message),
			"Content-Type: application/grpc-web+proto", "Grpc-Accept-Encoding: "+encoding, "Accept-Encoding: identity")
		if web.status != 200 || len(web.body) < 5 || web.body[0] != flag {
			t.Errorf("%s: %d %v %.20q", encoding, web.status, web.header, web.body)
		}
	}
}

// TestBombs sends little that would unpack to much.
func TestBombs(t *testing.T) {
	s := start(t)
	bomb := pack(t, strings.Repeat(" ", 16<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	sent := 0
	for name, packed := range map[string]string{
		"honest": bomb, "says 0": saying(bomb, 0), "says little": saying(bomb, 100), "says the bound": saying(bomb, maxBody),
		"in two": pack(t, "{}") + saying(bomb, 2),
	} {
		for _, target := range []string{"/cuenta.v1.CounterService/Add", "/v1/batch"} {
			a := s.ask("POST", target, packed, "Content-Encoding: gzip")
			if a.status < 400 || !strings.Contains(a.body, "too-large") {
				t.Errorf("%s to %s: %d %s", name, target, a.status, a.body)
			}
			sent++
		}
		for _, kind := range []string{"application/grpc", "application/grpc-web"} {
			status, text := s.askGRPC("/cuenta.v1.CounterService/Batch", framed(packed), kind)
			if status != "3" || !strings.HasPrefix(text, "too-large") { // INVALID_ARGUMENT
				t.Errorf("%s as %s: %s %q", name, kind, status, text)
			}
			sent++
		}
		if status, text := s.askGRPC("/grpc.health.v1.Health/Check", framed(packed), "application/grpc"); status == "0" {
			t.Errorf("%s: %s %q", name, status, text)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > int64(sent)*4*maxBody {
		t.Errorf("%d bombs took %d bytes", sent, grown)
	}
	small := pack(t, strings.Repeat(" ", maxBody))
	get := "/cuenta.v1.CounterService/Get?encoding=json&compression=gzip&base64=1&message=" + url.QueryEscape(base64.RawURLEncoding.EncodeToString([]byte(small)))
	if a := s.ask("GET", get, ""); a.status < 400 {
		t.Errorf("in the URL: %d %s", a.status, a.body)
	}
	s.expectNothingDone()
	if used := s.api.bodies.used.Load(); used != 0 {
		t.Errorf("%d bytes are used for ever", used)
	}
}

// askGRPC sends a body as it is, and returns the status and its message.
func (s *site) askGRPC(target, body, kind string) (status, text string) {
	s.t.Helper()
	request, err := http.NewRequest("POST", s.url+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header = http.Header{"Content-Type": {kind}, "Grpc-Encoding": {"gzip"}, "Te": {"trailers"}}
	response, err := s.http2.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	rest, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range []http.Header{response.Header, response.Trailer} {
		if h.Get("Grpc-Status") != "" {
			status, text = h.Get("Grpc-Status"), h.Get("Grpc-Message")
		}
	}
	if status == "" { // gRPC-Web has its trailers in the body
		for line := range strings.Lines(string(rest[min(5, len(rest)):])) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			switch strings.ToLower(name) {
			case "grpc-status":
				status = strings.TrimSpace(value)
			case "grpc-message":
				text = strings.TrimSpace(value)
			}
		}
	}
	if unescaped, err := url.PathUnescape(text); err == nil {
		text = unescaped
	}
	return status, text
}

// TestManyPackedBodies fills the memory for bodies with small ones that unpack to
// large ones.
func TestManyPackedBodies(t *testing.T) {
	s := start(t)
	packed := pack(t, `{"operations":[{"add":{"counter":"a"}}]}`+strings.Repeat(" ", maxBody-100))
	if len(packed) > smallBody {
		t.Fatalf("%d bytes", len(packed))
	}
	lift := s.service.Stall()
	defer lift()
	var all sync.WaitGroup
	for i := range maxBodies / maxBody {
		all.Go(func() {
			target := []string{"/v1/batch", "/cuenta.v1.CounterService/Batch"}[i%2]
			if a := s.ask("POST", target, packed, "Content-Encoding: gzip"); a.status != 200 {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	s.service.AwaitBlocked(maxBodies / maxBody)
	s.expectProblem(s.ask("POST", "/v1/batch", packed, "Content-Encoding: gzip"), 503, cuenta.Busy)
	if status, text := s.askGRPC("/cuenta.v1.CounterService/Batch", framed(packed), "application/grpc+json"); status != "14" || !strings.HasPrefix(text, "busy") {
		t.Errorf("%s %q", status, text)
	}
	lift()
	all.Wait()
	if value, _ := s.service.Value("a"); value != maxBodies/maxBody {
		t.Errorf("value %d", value)
	}
	if used := s.api.bodies.used.Load(); used != 0 {
		t.Errorf("%d bytes are used for ever", used)
	}
}
