package api

import (
	"errors"
	"testing"

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
