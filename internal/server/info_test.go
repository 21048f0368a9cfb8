package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/watch"
)

// The report counts the watches of the API.
func TestInfoCountsWatches(t *testing.T) {
	s := start(t, testConfig(t))
	defer s.Close()
	response, err := http.Get("http://" + s.fronts[0].status().Address + "/v1/counters/a:watch")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if line, err := bufio.NewReader(response.Body).ReadString('\n'); err != nil || line != "event: anew\n" {
		t.Fatalf("watching begins with %q, %v", line, err)
	}
	info, err := s.Info(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	var report struct{ Watches watch.Stats }
	if err := json.Unmarshal(info, &report); err != nil {
		t.Fatal(err)
	}
	if want := (watch.Stats{Now: 1, Begun: 1}); report.Watches != want {
		t.Errorf("got %+v, want %+v", report.Watches, want)
	}
}

// While as many reports are made as may be, whoever wants another waits, whatever the
// front: until one is done, or its own time is over.
func TestReportsAreFewAtATime(t *testing.T) {
	s := start(t, testConfig(t))
	defer s.Close()
	for range maxReports {
		s.reports <- struct{}{}
	}
	over, end := context.WithCancel(t.Context())
	end()
	if _, err := s.Info(over, false); !errors.Is(err, cuenta.Canceled.Err()) {
		t.Errorf("beside %d others: %v", maxReports, err)
	}
	address := "http://" + s.fronts[0].status().Address
	made := make(chan error)
	for _, path := range []string{"/info", "/v1/info"} {
		go func() {
			response, err := http.Get(address + path)
			if err == nil && response.StatusCode != http.StatusOK {
				err = errors.New(path + ": " + response.Status)
			}
			if err == nil {
				err = response.Body.Close()
			}
			made <- err
		}()
	}
	<-s.reports // one is done; both wait for its place, one after the other
	for range 2 {
		if err := <-made; err != nil {
			t.Error(err)
		}
	}
	if got := len(s.reports); got != maxReports-1 {
		t.Errorf("%d places are taken", got)
	}
}
