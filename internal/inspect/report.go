package inspect

import (
	"encoding/json"
	"runtime/metrics"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/gate"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/queue"
	"github.com/cuenta-server/cuenta/internal/terms"
	"github.com/cuenta-server/cuenta/internal/watch"
)

// Health is the state of the service.
type Health string

const (
	Healthy Health = "ok"
	Full    Health = "full"   // the disk is; changes are refused until there is room
	Failed  Health = "failed" // the journal did; only durable values are answered
)

// Service is the Servicio de Cuentas as a whole.
type Service struct {
	State       Health        `json:"state"`
	Reason      string        `json:"reason,omitempty"` // why it is not ok
	Version     string        `json:"version"`
	PID         int           `json:"pid"`
	Data        string        `json:"data"` // the data directory
	Started     time.Time     `json:"started"`
	Uptime      time.Duration `json:"uptime_ns"`
	Counters    uint64        `json:"counters"`
	MaxCounters uint64        `json:"max_counters"`
	History     uint64        `json:"history,string"` // a string: JavaScript would round it
	Epoch       uint64        `json:"epoch"`
	Sequence    uint64        `json:"sequence"` // of the last durable record
	Goroutines  uint64        `json:"goroutines"`
	Heap        uint64        `json:"heap"`   // bytes that the Go runtime has from the system
	Shared      uint64        `json:"shared"` // bytes of counters, in shared memory and outside Go's heap
}

// ReadRuntime fills in what Go's runtime knows, without stopping anything.
func (s *Service) ReadRuntime() {
	samples := []metrics.Sample{
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	for _, sample := range samples {
		if sample.Value.Kind() != metrics.KindUint64 {
			return // this Go does not have it any more
		}
	}
	s.Goroutines = samples[0].Value.Uint64()
	s.Heap = samples[1].Value.Uint64() - samples[2].Value.Uint64()
}

// Report is everything that `info` shows, in the order in which it shows it.
type Report struct {
	System     System                 `json:"system"`
	Service    Service                `json:"service"`
	Identities identity.Stats         `json:"identities"`
	Terms      terms.Stats            `json:"terms"`
	Gate       gate.Stats             `json:"gate"`
	Queue      queue.Stats            `json:"queue"`
	Watches    watch.Stats            `json:"watches"`
	Fronts     []cuenta.ServiceStatus `json:"fronts"`
	Workers    []Worker               `json:"workers"`
	Journal    journal.Stats          `json:"journal"`
}

// JSON is the report for programs, as one indented object that ends in a newline.
// A list without entries is [], not null.
func (r *Report) JSON() ([]byte, error) {
	full := *r
	if full.Fronts == nil {
		full.Fronts = []cuenta.ServiceStatus{}
	}
	if full.Workers == nil {
		full.Workers = []Worker{}
	}
	out, err := json.MarshalIndent(full, "", "  ")
	return append(out, '\n'), err
}

// Text is the report for people. It ends in a newline.
func (r *Report) Text() []byte {
	s := new(screen)
	s.section("Informacion Completa")
	s.line("Tomada el %s", moment(r.System.Taken))
	r.Service.alarm(s)
	r.System.connections(s)
	r.System.summary(s)
	r.System.statistics(s)
	r.System.ports(s)
	r.Service.text(s)
	r.identities(s)
	r.terms(s)
	r.gate(s)
	r.queue(s)
	r.watches(s)
	r.fronts(s)
	r.workers(s)
	r.journal(s)
	r.System.notes(s)
	return s.Bytes()
}
