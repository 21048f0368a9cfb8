package api

import (
	"context"
	"errors"
	"testing"
	"time"

	"connectrpc.com/connect"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

const (
	serving    = `{"status":"SERVING_STATUS_SERVING"}`
	notServing = `{"status":"SERVING_STATUS_NOT_SERVING"}`
)

func (s *site) expectHealth(want string) {
	s.t.Helper()
	for _, body := range []string{`{}`, `{"service":"cuenta.v1.CounterService"}`} {
		if a := s.ask("POST", "/grpc.health.v1.Health/Check", body); a.status != 200 || compact(s.t, a.body) != want {
			s.t.Errorf("%s: %d %s, want %s", body, a.status, a.body, want)
		}
	}
}

// TestHealthOfAFailedJournal breaks the disk of the real engine.
func TestHealthOfAFailedJournal(t *testing.T) {
	fs := disktest.New()
	s := startReal(t, fs)
	s.ask("POST", "/v1/counters/a:add", "")
	s.expectHealth(serving)
	if got := s.value("a"); got != `{"value":"1","revision":"1"}` {
		t.Error("asking has changed something:", got)
	}
	fs.OnCall(func(c disktest.Call) error {
		if c.Op == disktest.Sync {
			return errors.New("the disk is broken")
		}
		return nil
	})
	s.expectProblem(s.ask("POST", "/v1/counters/a:add", ""), 500, cuenta.Unknown)
	s.expectHealth(notServing)
	if got := s.value("a"); got != `{"value":"1","revision":"1"}` {
		t.Error("reads are answered no more:", got)
	}
}

func TestHealth(t *testing.T) {
	service := fronttest.NewService()
	s := startOn(t, service)
	for code, want := range map[cuenta.Code]string{
		cuenta.OK: serving, cuenta.Busy: serving, cuenta.Full: serving, cuenta.TooMany: serving,
		cuenta.Failed: notServing, cuenta.Unknown: notServing, cuenta.Stopping: notServing,
	} {
		service.Refuse(code)
		s.expectHealth(want)
	}
	if a := s.ask("POST", "/grpc.health.v1.Health/Check", `{"service":"other"}`); a.status != 404 {
		t.Errorf("%d %s", a.status, a.body)
	}
	lift := service.Stall()
	defer lift()
	if a := s.ask("POST", "/grpc.health.v1.Health/Check", `{}`, "Connect-Timeout-Ms: 20"); a.status == 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if service.Len() != 0 {
		t.Error("asking has made a counter")
	}
}

// TestHealthIsWatched follows it over gRPC, for longer than a call may take.
func TestHealthIsWatched(t *testing.T) {
	service := fronttest.NewService()
	s := startOn(t, service)
	s.api.health.pulse.every = time.Millisecond
	client := connect.NewClient[healthpb.HealthCheckRequest, healthpb.HealthCheckResponse](s.http2, s.url+healthWatch, connect.WithGRPC())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := client.CallServerStream(ctx, connect.NewRequest(&healthpb.HealthCheckRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		code cuenta.Code
		want healthpb.HealthCheckResponse_ServingStatus
	}{
		{cuenta.OK, healthpb.HealthCheckResponse_SERVING}, {cuenta.Failed, healthpb.HealthCheckResponse_NOT_SERVING}, {cuenta.OK, healthpb.HealthCheckResponse_SERVING},
	} {
		service.Refuse(step.code)
		if !stream.Receive() || stream.Msg().GetStatus() != step.want {
			t.Fatalf("%v: %v, %v", step.code, stream.Msg(), stream.Err())
		}
	}
	other, err := client.CallServerStream(ctx, connect.NewRequest(&healthpb.HealthCheckRequest{Service: "other"}))
	if err != nil {
		t.Fatal(err)
	}
	if other.Receive() || connect.CodeOf(other.Err()) != connect.CodeNotFound {
		t.Error(other.Err())
	}
	s.api.EndWatches()
	if stream.Receive() {
		t.Errorf("it goes on with %v", stream.Msg())
	}
	_, _ = stream.Close(), other.Close() // they have ended
}
