package server

import (
	"bufio"
	"encoding/json"
	"net/http"
	"testing"

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
