package server

import (
	"net"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/api"
	"github.com/cuenta-server/cuenta/internal/front/local"
	"github.com/cuenta-server/cuenta/internal/front/proc"
	"github.com/cuenta-server/cuenta/internal/front/resp"
	"github.com/cuenta-server/cuenta/internal/front/rpc"
	"github.com/cuenta-server/cuenta/internal/front/stream"
	"github.com/cuenta-server/cuenta/internal/front/tcp"
	"github.com/cuenta-server/cuenta/internal/front/udp"
	"github.com/cuenta-server/cuenta/internal/front/web"
)

// makeFronts returns all fronts, in the order of the banner. The banner's lines
// are the original's words, and one in their manner.
func (s *Server) makeFronts() []*front {
	c := &s.config
	return []*front{
		newFront(cuenta.FrontWeb, c.Web, "Servidor Local en el puerto %s", s.openWeb, s.log),
		newFront(cuenta.FrontUDP, c.UDP, "inicializando servidor udp en puerto %s", s.openUDP, s.log),
		newFront(cuenta.FrontTCP, c.TCP, "inicializando servidor tcp en puerto %s", s.openTCP, s.log),
		newFront(cuenta.FrontProc, c.Proc, "inicializando servidor tcp por procesos en puerto %s", s.openProc, s.log),
		newFront(cuenta.FrontRPC, c.RPC, "serving rpc on port %s", s.openRPC, s.log),
		newFront(cuenta.FrontRESP, c.RESP, "inicializando servidor redis en puerto %s", s.openRESP, s.log),
		newFront(cuenta.FrontSHM, c.SHM, "", s.openSHM, s.log),
		newFront(cuenta.FrontSocket, c.Socket, "", s.openSocket, s.log),
	}
}

func (s *Server) traffic(name string) *cuenta.Traffic {
	f, err := s.findFront(name)
	if err != nil {
		panic("server: " + err.Error())
	}
	return &f.traffic
}

func (s *Server) openWeb(address string) (running, error) {
	l, err := listenTCP(cuenta.FrontWeb, address)
	if err != nil {
		return running{}, err
	}
	traffic := s.traffic(cuenta.FrontWeb)
	f := web.New(web.Config{Service: s.engine, Operator: s, Traffic: traffic, Log: s.log,
		API: api.New(api.Config{Service: s.engine, Operator: s, Watcher: s.watches, Traffic: traffic, Log: s.log})})
	return running{l.Addr(), func() error { return f.Serve(l) }, f.Drain}, nil
}

func (s *Server) openUDP(address string) (running, error) {
	l, err := listenUDP(cuenta.FrontUDP, address)
	if err != nil {
		return running{}, err
	}
	f := udp.New(udp.Config{Service: s.engine, Traffic: s.traffic(cuenta.FrontUDP), Log: s.log})
	return running{l.LocalAddr(), func() error { return f.Serve(l) }, f.Drain}, nil
}

func (s *Server) openTCP(address string) (running, error) {
	l, err := listenTCP(cuenta.FrontTCP, address)
	if err != nil {
		return running{}, err
	}
	f := tcp.New(tcp.Config{Service: s.engine, Traffic: s.traffic(cuenta.FrontTCP), Log: s.log})
	return running{l.Addr(), func() error { return f.Serve(l) }, f.Drain}, nil
}

func (s *Server) openProc(address string) (running, error) {
	l, err := listenTCP(cuenta.FrontProc, address)
	if err != nil {
		return running{}, err
	}
	f, err := proc.New(proc.Config{Service: s.engine, Traffic: s.traffic(cuenta.FrontProc), Log: s.log,
		Cells: s.engine.Cells(), Workers: s.config.Workers})
	if err != nil {
		l.Close() // the first error tells more
		return running{}, err
	}
	s.workers.Store(f)
	return running{l.Addr(), func() error { return f.Serve(l) }, f.Drain}, nil
}

func (s *Server) openRPC(address string) (running, error) {
	l, err := listenTCP(cuenta.FrontRPC, address)
	if err != nil {
		return running{}, err
	}
	f := rpc.New(rpc.Config{Service: s.engine, Operator: s, Traffic: s.traffic(cuenta.FrontRPC), Log: s.log,
		Front: cuenta.FrontRPC, Class: cuenta.ClassRemote})
	return running{l.Addr(), func() error { return f.Serve(l) }, f.Drain}, nil
}

func (s *Server) openSocket(path string) (running, error) {
	l, err := listenUnix(cuenta.FrontSocket, path)
	if err != nil {
		return running{}, err
	}
	f := rpc.New(rpc.Config{Service: s.engine, Operator: s, Traffic: s.traffic(cuenta.FrontSocket), Log: s.log,
		Front: cuenta.FrontSocket, Class: cuenta.ClassConsole})
	return running{l.Addr(), func() error { return f.Serve(l) }, f.Drain}, nil
}

func (s *Server) openSHM(path string) (running, error) {
	l, err := listenUnix(cuenta.FrontSHM, path)
	if err != nil {
		return running{}, err
	}
	f, err := local.New(local.Config{Service: s.engine, Traffic: s.traffic(cuenta.FrontSHM), Log: s.log, Cells: s.engine.Cells()})
	if err != nil {
		l.Close() // the first error tells more
		return running{}, err
	}
	return running{l.Addr(), func() error { return f.Serve(l) }, f.Drain}, nil
}

func (s *Server) openRESP(address string) (running, error) {
	l, err := listenTCP(cuenta.FrontRESP, address)
	if err != nil {
		return running{}, err
	}
	traffic := s.traffic(cuenta.FrontRESP)
	port := l.Addr().(*net.TCPAddr).Port
	protocol := resp.New(resp.Config{Directory: s, Facts: func() resp.Facts { return s.facts(port, traffic) }})
	f := stream.New(stream.Config{Service: s.engine, Traffic: traffic, Log: s.log,
		Front: cuenta.FrontRESP, Class: cuenta.ClassRemote,
		New:         func(peer, local string) stream.Conversation { return protocol.NewSession(peer, local) },
		BusyLine:    []byte("-ERR max number of clients reached\r\n"),
		MaxConns:    maxRedisClients,
		IdleTimeout: -1, // as Redis: clients keep connections in pools for as long as they like
	})
	return running{l.Addr(), func() error { return f.Serve(l) }, f.Drain}, nil
}
