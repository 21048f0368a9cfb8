package tcp

import (
	"io"
	"net"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

const (
	// maxRefusing is how many connections are told at a time that there is no
	// room for them; what comes beyond is closed without a word.
	maxRefusing = 256

	// lingering is how long a server that has ended a connection listens for
	// the client's own end.
	lingering = time.Second

	// maxUnheard is how much a client may still say meanwhile, in bytes.
	maxUnheard = 1 << 20

	// lastRead is how long a drain waits for bytes that may have arrived, where
	// the system does not tell how many did.
	lastRead = 20 * time.Millisecond
)

// busy is what a connection hears for which there is no room.
var busy = text.AppendAnswer(nil, &cuenta.Result{Code: cuenta.Busy})

// refuse tells a client that there is no room for it.
func (s *Server) refuse(nc net.Conn) {
	defer s.forget(nc, &s.refused)
	s.log.Debug("connection refused", "front", cuenta.FrontTCP, "peer", nc.RemoteAddr().String(), "reason", "at the limit")
	if err := nc.SetWriteDeadline(time.Now().Add(lingering)); err != nil {
		return // it is gone
	}
	n, err := nc.Write(busy)
	s.traffic.BytesOut.Add(int64(n))
	if err == nil {
		goodbye(nc, lingering/4)
	}
}

// goodbye ends the server's side of a connection and waits for the client to
// end its own. TCP answers bytes that arrive after a close with a reset, and a
// reset may overtake the last answers on their way to the client.
func goodbye(nc net.Conn, patience time.Duration) {
	side, ok := nc.(interface{ CloseWrite() error })
	if !ok || side.CloseWrite() != nil || nc.SetReadDeadline(time.Now().Add(patience)) != nil {
		return
	}
	// Nothing the client says now counts, nor how it ends.
	_, _ = io.CopyN(io.Discard, nc, maxUnheard)
}
