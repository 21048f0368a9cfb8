package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"connectrpc.com/grpcreflect"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
	"github.com/cuenta-server/cuenta/proto/cuenta/v1/cuentav1connect"
)

// protocols are the clients that the one handler serves.
var protocols = map[string]func(*site) cuentav1connect.CounterServiceClient{
	"connect":                overHTTP1(),
	"connect http/2":         overHTTP2(),
	"connect get":            overHTTP1(connect.WithHTTPGet()),
	"connect json":           overHTTP1(connect.WithProtoJSON()),
	"grpc":                   overHTTP2(connect.WithGRPC()),
	"grpc json":              overHTTP2(connect.WithGRPC(), connect.WithProtoJSON()),
	"grpc-web":               overHTTP1(connect.WithGRPCWeb()),
	"grpc-web http/2":        overHTTP2(connect.WithGRPCWeb()),
	"grpc-web json":          overHTTP1(connect.WithGRPCWeb(), connect.WithProtoJSON()),
	"grpc-web json over two": overHTTP2(connect.WithGRPCWeb(), connect.WithProtoJSON()),
}

func overHTTP1(options ...connect.ClientOption) func(*site) cuentav1connect.CounterServiceClient {
	return func(s *site) cuentav1connect.CounterServiceClient {
		return cuentav1connect.NewCounterServiceClient(s.http1, s.url, options...)
	}
}

func overHTTP2(options ...connect.ClientOption) func(*site) cuentav1connect.CounterServiceClient {
	return func(s *site) cuentav1connect.CounterServiceClient {
		return cuentav1connect.NewCounterServiceClient(s.http2, s.url, options...)
	}
}

// refusalOf returns what an error carries.
func refusalOf(t testing.TB, err error) (connect.Code, *cuentav1.ErrorInfo) {
	t.Helper()
	e, ok := errors.AsType[*connect.Error](err)
	if !ok {
		t.Fatalf("%v is no error of the protocol", err)
	}
	for _, detail := range e.Details() {
		if v, err := detail.Value(); err != nil {
			t.Error(err)
		} else if info, ok := v.(*cuentav1.ErrorInfo); ok {
			return e.Code(), info
		}
	}
	return e.Code(), nil
}

func TestEveryProtocol(t *testing.T) {
	for name, client := range protocols {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.operator.counters = names(3)
			exercise(t, client(s))
			if calls := s.service.Calls(); calls.Classes[cuenta.ClassRemote] != calls.Batches {
				t.Errorf("%+v", calls)
			}
			for origin := range s.service.Origins() {
				if origin.Front != "web" || !strings.HasPrefix(origin.Peer, "127.0.0.1:") {
					t.Errorf("origin %+v", origin)
				}
			}
		})
	}
}

// exercise makes every call once.
func exercise(t *testing.T, client cuentav1connect.CounterServiceClient) {
	const counter = "visitas/2026"
	ctx := t.Context()
	added, err := client.Add(ctx, &cuentav1.AddRequest{Counter: counter})
	expect(t, added, err, &cuentav1.AddResponse{Value: 1, Revision: 1})
	added, err = client.Add(ctx, &cuentav1.AddRequest{Counter: counter, Amount: proto.Int64(math.MinInt64)})
	expect(t, added, err, &cuentav1.AddResponse{Value: math.MinInt64 + 1, Revision: 2})
	set, err := client.Set(ctx, &cuentav1.SetRequest{Counter: counter, Value: proto.Int64(math.MaxInt64), Identity: &cuentav1.Identity{Key: counter}})
	expect(t, set, err, &cuentav1.SetResponse{Value: math.MaxInt64, Revision: 3})
	set, err = client.Set(ctx, &cuentav1.SetRequest{Counter: counter, Value: proto.Int64(math.MaxInt64), Identity: &cuentav1.Identity{Key: counter}})
	expect(t, set, err, &cuentav1.SetResponse{Value: math.MaxInt64, Revision: 3, Replayed: true})
	got, err := client.Get(ctx, &cuentav1.GetRequest{Counter: counter})
	expect(t, got, err, &cuentav1.GetResponse{Value: math.MaxInt64, Revision: 3})

	_, err = client.Add(ctx, &cuentav1.AddRequest{Counter: counter})
	if code, info := refusalOf(t, err); code != connect.CodeOutOfRange || info.GetCode() != "overflow" || info.GetFate() != "not-applied" ||
		info.GetValue() != math.MaxInt64 || info.GetRevision() != 3 || !strings.Contains(err.Error(), "overflow: the counter would pass 9223372036854775807") {
		t.Errorf("%v, %v", err, info)
	}
	reset, err := client.Reset(ctx, &cuentav1.ResetRequest{Counter: counter})
	expect(t, reset, err, &cuentav1.ResetResponse{Revision: 4})
	outcome, err := client.Outcome(ctx, &cuentav1.OutcomeRequest{Identity: &cuentav1.Identity{Key: counter}})
	expect(t, outcome, err, &cuentav1.OutcomeResponse{Fate: "applied",
		Result: &cuentav1.OutcomeResponse_Answer{Answer: &cuentav1.Answer{Value: math.MaxInt64, Revision: 3, Replayed: true}}})
	batch, err := client.Batch(ctx, &cuentav1.BatchRequest{Atomic: true, Operations: []*cuentav1.Operation{
		{Operation: &cuentav1.Operation_Add{Add: &cuentav1.AddRequest{Counter: counter}}},
		{Operation: &cuentav1.Operation_Get{Get: &cuentav1.GetRequest{Counter: counter}}},
	}})
	expect(t, batch, err, &cuentav1.BatchResponse{Whole: &cuentav1.Answer{Value: 1}, Results: []*cuentav1.Result{
		{Result: &cuentav1.Result_Answer{Answer: &cuentav1.Answer{Value: 1, Revision: 5}}},
		{Result: &cuentav1.Result_Answer{Answer: &cuentav1.Answer{Value: 1, Revision: 5}}},
	}})
	session, err := client.OpenSession(ctx, &cuentav1.OpenSessionRequest{})
	if err != nil || len(session.Session) != 16 || session.Window != 128 {
		t.Errorf("%v, %v", session, err)
	}
	list, err := client.List(ctx, &cuentav1.ListRequest{PageSize: 2})
	if err != nil || len(list.Counters) != 2 || list.NextPageToken == "" {
		t.Errorf("%v, %v", list, err)
	}
	info, err := client.Info(ctx, &cuentav1.InfoRequest{})
	expect(t, info, err, &cuentav1.InfoResponse{Counters: 3, Report: `{"service":{"state":"ok"}}`,
		Fronts: []*cuentav1.Front{{Name: "web", State: "running", Address: "127.0.0.1:1234", Open: 1, Requests: 2}}})
	deleted, err := client.Delete(ctx, &cuentav1.DeleteRequest{Counter: counter})
	if err != nil || deleted.Value != 1 || deleted.Revision != 6 {
		t.Errorf("%v, %v", deleted, err)
	}
}

func expect(t testing.TB, got proto.Message, err error, want proto.Message) {
	t.Helper()
	if err != nil || !proto.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

// TestEveryCode proves that the table of refusals is complete, in every protocol.
func TestEveryCode(t *testing.T) {
	s := start(t)
	clients := map[string]cuentav1connect.CounterServiceClient{
		"connect": cuentav1connect.NewCounterServiceClient(s.http1, s.url),
		"grpc":    cuentav1connect.NewCounterServiceClient(s.http2, s.url, connect.WithGRPC()),
		"web":     cuentav1connect.NewCounterServiceClient(s.http1, s.url, connect.WithGRPCWeb()),
	}
	for code := cuenta.OK + 1; code < cuenta.NumCodes; code++ {
		s.service.Refuse(code)
		want := told[code]
		if want.code == 0 || want.status < 400 || http.StatusText(want.status) == "" {
			t.Errorf("%v: told as %+v", code, want)
		}
		again := want.status == 503 || want.code == connect.CodeUnavailable
		if again && code.Fate() != cuenta.NotApplied {
			t.Errorf("%v: invites to repeat what may have been applied", code)
		}
		a := s.ask("POST", "/v1/counters/a:add", "")
		p := s.expectProblem(a, want.status, code)
		if p["fate"] != fates[code.Fate()] || p["title"] != code.Text() || (a.header.Get("Retry-After") != "") != (a.status == 503) {
			t.Errorf("%v: %v, Retry-After %q", code, p, a.header.Get("Retry-After"))
		}
		for name, client := range clients {
			_, err := client.Add(t.Context(), &cuentav1.AddRequest{})
			if got, info := refusalOf(t, err); got != want.code || info.GetCode() != code.String() || info.GetFate() != fates[code.Fate()] || info.GetText() != code.Text() {
				if code != cuenta.Overflow && code != cuenta.Limited && code != cuenta.Throttled { // whose text tells more
					t.Errorf("%s %v: %v, %v", name, code, err, info)
				}
			}
		}
	}
	if told[cuenta.OK].status != 200 || told[cuenta.OK].code != 0 {
		t.Error("OK is told as an error")
	}
	if got, want := s.traffic.Errors.Load(), int64(4*(cuenta.NumCodes-1)); got != want {
		t.Errorf("%d errors are counted, want %d", got, want)
	}
}

// TestConnectJSON is what a program without any library of RPC sends.
func TestConnectJSON(t *testing.T) {
	s := start(t)
	const at = "/cuenta.v1.CounterService/"
	s.expect(s.ask("POST", at+"Add", `{"counter":"a","amount":"9007199254740993"}`), 200, `{"value":"9007199254740993","revision":"1","replayed":false}`)
	s.expect(s.ask("POST", at+"Add", `{"counter":"a","amount":1}`, "Content-Type: application/json; charset=utf-8"), 200, `{"value":"9007199254740994","revision":"2","replayed":false}`)
	s.expect(s.ask("POST", at+"Get", `{"counter":"none"}`), 200, `{"value":"0","revision":"0"}`)
	read := s.ask("GET", at+`Get?encoding=json&message=%7B%22counter%22%3A%22a%22%7D`, "")
	s.expect(read, 200, `{"value":"9007199254740994","revision":"2"}`)
	if got := read.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("a read may be kept: %q", got)
	}
	s.expect(s.ask("POST", at+"Add", `{"counter":"a"}`, "Idempotency-Key: k"), 200, `{"value":"9007199254740995","revision":"3","replayed":false}`)
	s.expect(s.ask("POST", at+"Add", `{"counter":"a"}`, `Idempotency-Key: "k"`), 200, `{"value":"9007199254740995","revision":"3","replayed":true}`)
	s.expect(s.ask("POST", at+"List", `{"page_size":1}`), 200, `{"counters":[],"nextPageToken":""}`)
	s.expect(s.ask("POST", at+"List", `{"pageSize":1}`), 200, `{"counters":[],"nextPageToken":""}`)
	a := s.ask("POST", at+"Add", `{"counter":"a"}`, "Idempotency-Key: a b")
	if a.status != 400 || !strings.Contains(a.body, `"code":"invalid_argument"`) || !strings.Contains(a.body, "cuenta.v1.ErrorInfo") || !strings.Contains(a.body, `"fate":"not-applied"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	before := s.service.Calls().Batches
	for _, c := range []struct {
		method, target, body, kind string
		status                     int
	}{
		{"POST", at + "Add", `{"amuont":1}`, "", 400},
		{"POST", at + "Add", `{"amount":1.5}`, "", 400},
		{"POST", at + "Add", `{"amount":9223372036854775808}`, "", 400},
		{"POST", at + "Add", `{`, "", 400},
		{"POST", at + "Add", ``, "application/json", 400},
		{"POST", at + "Set", `{"counter":"a"}`, "", 400},
		{"POST", at + "Outcome", `{}`, "", 400},
		{"POST", at + "Add", `counter=a`, "application/x-www-form-urlencoded", 415},
		{"POST", at + "Add", `{}`, "text/plain", 415},
		{"POST", at + "Add", "\xff", "application/proto", 400},
		{"POST", at + "Add", strings.Repeat(" ", maxBody+1), "", 400}, // the code is too-large
		{"GET", at + "Add?encoding=json&message=%7B%7D", "", "", 405},
		{"PUT", at + "Add", `{}`, "", 405},
		{"DELETE", at + "Get", "", "", 405},
		{"POST", at + "Steal", `{}`, "", 404},
		{"POST", at, `{}`, "", 404},
		{"POST", "/cuenta.v1.CounterService", `{}`, "", 404},
		{"POST", "/cuenta.v2.CounterService/Add", `{}`, "", 404},
	} {
		var headers []string
		if c.kind != "" {
			headers = append(headers, "Content-Type: "+c.kind)
		}
		if a := s.ask(c.method, c.target, c.body, headers...); a.status != c.status {
			t.Errorf("%s %s %.60s: %d %s, want %d", c.method, c.target, c.body, a.status, a.body, c.status)
		}
	}
	if got := s.service.Calls().Batches; got != before {
		t.Errorf("%d batches were executed", got-before)
	}
}

// TestUnknownFields sends what a later version might: to pass over it would be to
// carry out something else.
func TestUnknownFields(t *testing.T) {
	s := start(t)
	later := protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1)
	inAdd, inIdentity := &cuentav1.AddRequest{}, &cuentav1.AddRequest{Identity: &cuentav1.Identity{Key: "k"}}
	inAdd.ProtoReflect().SetUnknown(later)
	inIdentity.Identity.ProtoReflect().SetUnknown(later)
	for name, connected := range protocols {
		client := connected(s)
		if strings.Contains(name, "json") {
			continue // this would leave the field away
		}
		for _, m := range []*cuentav1.AddRequest{inAdd, inIdentity} {
			if _, err := client.Add(t.Context(), m); connect.CodeOf(err) != connect.CodeInvalidArgument {
				t.Errorf("%s: %v", name, err)
			}
			batch := &cuentav1.BatchRequest{Operations: []*cuentav1.Operation{{Operation: &cuentav1.Operation_Add{Add: m}}}}
			if _, err := client.Batch(t.Context(), batch); connect.CodeOf(err) != connect.CodeInvalidArgument {
				t.Errorf("%s, in a batch: %v", name, err)
			}
		}
	}
	s.expectNothingDone()
}

func TestKeyInMetadata(t *testing.T) {
	s := start(t)
	for i, client := range []cuentav1connect.CounterServiceClient{
		cuentav1connect.NewCounterServiceClient(s.http2, s.url, connect.WithGRPC()),
		cuentav1connect.NewCounterServiceClient(s.http1, s.url, connect.WithGRPCWeb()),
		cuentav1connect.NewCounterServiceClient(s.http1, s.url),
	} {
		ctx, call := connect.NewClientContext(t.Context())
		call.RequestHeader().Set("Idempotency-Key", "k")
		added, err := client.Add(ctx, &cuentav1.AddRequest{Counter: "a"})
		expect(t, added, err, &cuentav1.AddResponse{Value: 1, Revision: 1, Replayed: i > 0})
	}
}

func TestBatchDetail(t *testing.T) {
	s := start(t)
	client := cuentav1connect.NewCounterServiceClient(s.http2, s.url, connect.WithGRPC())
	_, err := client.Batch(t.Context(), &cuentav1.BatchRequest{Atomic: true, Operations: []*cuentav1.Operation{
		{Operation: &cuentav1.Operation_Add{Add: &cuentav1.AddRequest{Counter: "a"}}},
		{Operation: &cuentav1.Operation_Set{Set: &cuentav1.SetRequest{Counter: "a", Value: proto.Int64(1), Condition: cuentav1.Condition_CONDITION_IF_ABSENT}}},
	}})
	if code, info := refusalOf(t, err); code != connect.CodeFailedPrecondition || info.GetCode() != "aborted" {
		t.Fatalf("%v %v", err, info)
	}
	e, _ := errors.AsType[*connect.Error](err)
	v, err := e.Details()[0].Value()
	if batch, ok := v.(*cuentav1.BatchResponse); err != nil || !ok || len(batch.Results) != 2 || batch.Results[1].GetError().GetCode() != "unmet" {
		t.Errorf("%v, %v", v, err)
	}
}

func TestReflectionAndHealth(t *testing.T) {
	s := start(t)
	reflection := grpcreflect.NewClient(s.http2, s.url, connect.WithGRPC())
	stream := reflection.NewStream(t.Context())
	services, err := stream.ListServices()
	if err != nil || len(services) != 3 || services[0] != "cuenta.v1.CounterService" {
		t.Errorf("%v, %v", services, err)
	}
	files, err := stream.FileContainingSymbol("cuenta.v1.CounterService.Add")
	if err != nil || len(files) != 5 || files[0].GetPackage() != "cuenta.v1" { // with what it imports
		t.Errorf("%d files, %v", len(files), err)
	}
	if _, err := stream.Close(); err != nil {
		t.Error(err)
	}
	for body, want := range map[string]string{`{}`: `{"status":"SERVING_STATUS_SERVING"}`, `{"service":"cuenta.v1.CounterService"}`: `{"status":"SERVING_STATUS_SERVING"}`} {
		if a := s.ask("POST", "/grpc.health.v1.Health/Check", body); a.status != 200 || compact(t, a.body) != want {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if a := s.ask("POST", "/grpc.health.v1.Health/Check", `{"service":"other"}`); a.status != 404 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestBrokenStreams speaks half of gRPC.
func TestBrokenStreams(t *testing.T) {
	s := start(t)
	for _, body := range []string{"", "\x00", "\x00\x00\x00\x00\x05ab", "\x00\xff\xff\xff\xff", "\x01\x00\x00\x00\x00", "\x02\x00\x00\x00\x00", strings.Repeat("\x00", 100)} {
		for _, kind := range []string{"application/grpc", "application/grpc+proto", "application/grpc-web", "application/grpc+json"} {
			request, err := http.NewRequestWithContext(context.Background(), "POST", s.url+"/cuenta.v1.CounterService/Set", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", kind)
			response, err := s.http2.Do(request)
			if err != nil {
				t.Errorf("%q as %s: %v", body, kind, err)
				continue
			}
			response.Body.Close()
		}
	}
	s.expectNothingDone()
}

// cuentav1Client is a client that speaks gRPC.
func cuentav1Client(s *site) cuentav1connect.CounterServiceClient {
	return cuentav1connect.NewCounterServiceClient(s.http2, s.url, connect.WithGRPC())
}
