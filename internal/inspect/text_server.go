package inspect

import (
	"fmt"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/journal"
)

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
		pair("Contadores", fmt.Sprintf("%d de %d como máximo", v.Counters, v.MaxCounters)),
		pair("Historia", fmt.Sprintf("%016x", v.History)),
		pair("Época", v.Epoch),
		pair("Secuencia", v.Sequence),
		pair("Gorrutinas", v.Goroutines),
		pair("Memoria de Go", size(v.Heap)),
		pair("Memoria de contadores", size(v.Shared)),
	)...)
}

func (r *Report) identities(s *screen) {
	i := &r.Identities
	s.section("Identidades")
	s.table(
		pair("Sesiones", i.Sessions),
		pair("Claves", i.Keys),
		pair("Memoria", fmt.Sprintf("%s de %s como máximo", size(i.Memory), size(i.Limit))),
		pair("Rechazadas por falta de sitio", i.Refused),
	)
}

func (r *Report) terms(s *screen) {
	t := &r.Terms
	s.section("Límites, finales y reservas")
	s.table(
		pair("Contadores con límites o final", t.Counters),
		pair("Con final", t.Ending),
		pair("Totales", t.Totals),
		pair("Reservas", t.Holds),
		pair("Memoria", size(t.Memory)),
	)
}

// classNames are the words for the gate's classes, highest priority first.
var classNames = [cuenta.NumClasses]string{"consola", "remota", "cola"}

func (r *Report) gate(s *screen) {
	g := &r.Gate
	s.section("Semáforo con pesos y prioridades")
	s.table(
		pair("Capacidad", g.Capacity),
		pair("En uso", g.InUse),
		pair("Tomado sin clase", g.Tried),
	)
	rows := [][]any{{"Clase", "Concedidos", "Esperaron", "Esperando", "Cancelados", "Espera total", "Espera máxima"}}
	for i, c := range g.Classes {
		rows = append(rows, []any{classNames[i], c.Grants, c.Waits, c.Waiting, c.Canceled, span(c.TotalWait), span(c.MaxWait)})
	}
	s.table(rows...)
}

func (r *Report) queue(s *screen) {
	q := &r.Queue
	s.section("Cola de mensajes")
	s.table(
		pair("Capacidad", fmt.Sprintf("%d peticiones", q.Capacity)),
		pair("Profundidad", fmt.Sprintf("%d en %d mensajes", q.Depth, q.Messages)),
		pair("Máximo alcanzado", q.HighWater),
		pair("Aceptadas", fmt.Sprintf("%d en %d mensajes", q.AcceptedWeight, q.Accepted)),
		pair("Atendidas", fmt.Sprintf("%d en %d mensajes", q.TakenWeight, q.Taken)),
		pair("Mensajes rechazados", q.Refused),
		pair("Esperaron lugar", q.Waited),
		pair("Esperando lugar", q.Waiting),
		pair("Cancelados", q.Canceled),
	)
}

func (r *Report) watches(s *screen) {
	w := &r.Watches
	s.section("Seguimientos")
	s.table(
		pair("En curso", w.Now),
		pair("Empezados", w.Begun),
		pair("Rechazados por ser demasiados", w.Refused),
		pair("Saltos por lentitud", w.Slow),
		pair("Cortados por lentitud", w.Dropped),
		pair("Sin poder continuar donde estaban", w.Lost),
	)
}

func (r *Report) journal(s *screen) {
	j := &r.Journal
	s.section("Diario")
	s.table(
		pair("Secuencia", j.Sequence),
		pair("Registros escritos", fmt.Sprintf("%d, %s", j.Records, size(j.Bytes))),
		pair("Sincronizaciones", j.Syncs),
		pair("Tiempo de sincronización", fmt.Sprintf("última %s, total %s, máxima %s", span(j.SyncLast), span(j.SyncTotal), span(j.SyncMax))),
		pair("Segmentos", j.Segments),
		pair("Segmento activo", fmt.Sprintf("%d, lleno %s de %s", j.Active, size(j.Fill), size(j.SegmentSize))),
		pair("Segmento siguiente", nextSegment(j)),
		pair("Instantánea", lastSnapshot(&j.Snapshot)),
		pair("Instantáneas escritas", fmt.Sprintf("%d, abandonadas %d", j.Snapshot.Written, j.Snapshot.Aborted)),
		pair("Diario desde la instantánea", size(j.SinceSnapshot)),
		pair("Fallo", j.Failed),
	)
}

func nextSegment(j *journal.Stats) string {
	switch {
	case j.Full:
		return "no se puede preparar: " + j.Reason
	case j.NextReady:
		return "listo"
	}
	return "en preparación"
}

// lastSnapshot tells only the sequence of a snapshot of an earlier run: the
// journal knows no more of it.
func lastSnapshot(last *journal.SnapshotStats) string {
	switch {
	case last.Sequence == 0:
		return "ninguna"
	case last.Written == 0:
		return fmt.Sprintf("secuencia %d", last.Sequence)
	}
	return fmt.Sprintf("secuencia %d, %d contadores, %s en %s", last.Sequence, last.Counters, size(last.Bytes), span(last.Took))
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
