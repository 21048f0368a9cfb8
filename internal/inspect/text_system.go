package inspect

import "strings"

// protocolTitles are the words for a protocol in a title.
var protocolTitles = map[string]string{"UDPv6": "UDP sobre IPv6"}

// counterLabels are the words for the figures of the protocols.
var counterLabels = map[string]string{
	"InReceives":   "Paquetes recibidos",
	"InHdrErrors":  "Errores de encabezado",
	"InAddrErrors": "Errores de dirección",
	"InDiscards":   "Recibidos y descartados",
	"InDelivers":   "Entregados",
	"OutRequests":  "Solicitudes de salida",
	"OutDiscards":  "Salidas descartadas",
	"OutNoRoutes":  "Salidas sin ruta",
	"ReasmFails":   "Reensamblados fallidos",
	"FragFails":    "Fragmentaciones fallidas",
	"ActiveOpens":  "Aperturas activas",
	"PassiveOpens": "Aperturas pasivas",
	"AttemptFails": "Intentos de conexión fallidos",
	"EstabResets":  "Conexiones restablecidas",
	"CurrEstab":    "Conexiones actuales",
	"InSegs":       "Segmentos recibidos",
	"OutSegs":      "Segmentos enviados",
	"RetransSegs":  "Segmentos retransmitidos",
	"InErrs":       "Segmentos con error",
	"OutRsts":      "Restablecimientos enviados",
	"InDatagrams":  "Datagramas recibidos",
	"OutDatagrams": "Datagramas enviados",
	"NoPorts":      "Sin puerto de destino",
	"InErrors":     "Errores de recepción",
	"RcvbufErrors": "Perdidos por falta de espacio al recibir",
	"SndbufErrors": "Perdidos por falta de espacio al enviar",
}

func (r *System) connections(s *screen) {
	s.section("Conexiones activas")
	rows := [][]any{{"Protocolo", "Dirección local", "Dirección remota", "Estado", "Servidor"}}
	for _, c := range r.Connections {
		state := strings.ToUpper(string(c.State))
		if c.State == Unconnected {
			state = "-"
		}
		rows = append(rows, []any{c.Protocol, c.Local, or(c.Remote, "*:*"), state, c.Front})
	}
	s.table(rows...)
	if r.More > 0 {
		s.line("  … y %d más", r.More)
	}
}

func (r *System) summary(s *screen) {
	s.section("Informacion Resumida")
	r.Summary.each(func(state State, n int) { s.line("%s : %d", state, n) })
	s.line("En toda la máquina: %s", r.Machine.join())
}

func (r *System) statistics(s *screen) {
	for _, p := range r.Protocols {
		s.section("Estadísticas de %s", or(protocolTitles[p.Name], p.Name))
		var rows [][]any
		for _, c := range p.Counters {
			rows = append(rows, pair(or(counterLabels[c.Name], c.Name), c.Value))
		}
		s.table(rows...)
	}
}

func (r *System) ports(s *screen) {
	for _, p := range r.Ports {
		s.section("Información De quien usa el puerto %d", p.Port)
		if p.Active {
			s.line("El puerto %d está activo actualmente", p.Port)
		} else {
			s.line("El puerto %d no está activo actualmente", p.Port)
		}
		rows := [][]any{
			pair("Servidor", p.Front+" ("+p.Network+")"),
			pair("Conexiones", p.States.join()),
		}
		switch {
		case p.Process != nil:
			rows = append(rows, p.Process.rows()...)
		case p.Active:
			rows = append(rows, pair("Proceso", "desconocido: de otro usuario o de otro contenedor"))
		}
		s.table(rows...)
	}
}

func (p *Process) rows() [][]any {
	rows := [][]any{{"Proceso", or(p.Name, "?")}, {"Pid", p.PID}}
	if p.Command != "" {
		rows = append(rows, pair("Orden", p.Command))
	}
	return append(rows,
		pair("Iniciado", moment(p.Started)),
		pair("CPU", percent(p.CPUPercent)),
		pair("Memoria", size(p.RSS)),
		pair("Hilos", p.Threads),
		pair("Descriptores", p.FDs),
	)
}

func (r *System) notes(s *screen) {
	if len(r.Notes) == 0 {
		return
	}
	s.section("Notas")
	for _, note := range r.Notes {
		s.line("  %s", note)
	}
}
