package inspect

import (
	"fmt"
	"runtime/metrics"
	"time"

	"github.com/cuenta-server/cuenta"
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
	State      Health        `json:"state"`
	Reason     string        `json:"reason,omitempty"` // why it is not ok
	Version    string        `json:"version"`
	PID        int           `json:"pid"`
	Data       string        `json:"data"` // the data directory
	Started    time.Time     `json:"started"`
	Uptime     time.Duration `json:"uptime_ns"`
	Counters   uint64        `json:"counters"`
	History    uint64        `json:"history,string"` // a string: JavaScript would round it
	Epoch      uint64        `json:"epoch"`
	Sequence   uint64        `json:"sequence"` // of the last durable record
	Goroutines uint64        `json:"goroutines"`
	Heap       uint64        `json:"heap"`   // bytes that the Go runtime has from the system
	Shared     uint64        `json:"shared"` // bytes of counters, in shared memory and outside Go's heap
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

// Report is everything that `info` shows. Its JSON form is that of
// encoding/json; its text is [Report.Text].
type Report struct {
	System  System                 `json:"system"`
	Service Service                `json:"service"`
	Fronts  []cuenta.ServiceStatus `json:"fronts"`
	Workers []Worker               `json:"workers"`
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
	r.fronts(s)
	r.workers(s)
	r.System.notes(s)
	return s.Bytes()
}

// alarm says at the top what nobody should miss.
func (v *Service) alarm(s *screen) {
	switch v.State {
	case Full:
		s.line("ATENCIÓN: disco lleno, los cambios esperan espacio: %s", v.Reason)
	case Failed:
		s.line("ATENCIÓN: el diario falló, solo se responden lecturas; reinicie el servidor: %s", v.Reason)
	}
}

func (v *Service) text(s *screen) {
	s.section("Servicio de Cuentas")
	rows := [][]any{pair("Estado", v.State)}
	if v.Reason != "" {
		rows = append(rows, pair("Motivo", v.Reason))
	}
	s.table(append(rows,
		pair("Versión", v.Version),
		pair("Pid", v.PID),
		pair("Directorio de datos", v.Data),
		pair("Iniciado", moment(v.Started)),
		pair("En marcha", span(v.Uptime)),
		pair("Contadores", v.Counters),
		pair("Historia", fmt.Sprintf("%016x", v.History)),
		pair("Época", v.Epoch),
		pair("Secuencia", v.Sequence),
		pair("Gorrutinas", v.Goroutines),
		pair("Memoria de Go", size(v.Heap)),
		pair("Memoria de contadores", size(v.Shared)),
	)...)
}

func (r *Report) fronts(s *screen) {
	s.section("Servidores")
	rows := [][]any{{"Nombre", "Estado", "Dirección", "Abiertas", "Aceptadas", "Rechazadas",
		"Peticiones", "Errores", "Entrada", "Salida", "Perdidos", "Procesos"}}
	for _, f := range r.Fronts {
		rows = append(rows, []any{f.Name, f.State, f.Address, f.Open, f.Accepted, f.Refused,
			f.Requests, f.Errors, size(f.BytesIn), size(f.BytesOut), f.Dropped, f.Workers})
	}
	s.table(rows...)
}

func (r *Report) workers(s *screen) {
	if len(r.Workers) == 0 {
		return
	}
	s.section("Procesos trabajadores")
	rows := [][]any{{"Servidor", "Pid", "Abiertas", "Aceptadas", "Peticiones", "Entrada", "Salida", "CPU", "Memoria"}}
	for _, w := range r.Workers {
		rows = append(rows, []any{w.Front, w.PID, w.Connections, w.Accepted, w.Requests,
			size(w.BytesIn), size(w.BytesOut), percent(w.CPUPercent), size(w.RSS)})
	}
	s.table(rows...)
}
