package server

import (
	"context"
	"os"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/resp"
	"github.com/cuenta-server/cuenta/internal/inspect"
)

// maxRedisClients is Redis' own default.
const maxRedisClients = 10_000

// facts is what INFO tells Redis' clients and tools.
func (s *Server) facts(port int, traffic *cuenta.Traffic) resp.Facts {
	stats := s.engine.Stats()
	service := s.describe(stats)
	own := inspect.ReadOwn(context.Background())
	executable, _ := os.Executable() // left out if it is not known
	expiring := int64(stats.Terms.Ending)
	f := resp.Facts{
		Expiring: &expiring,
		Version:  s.config.Version, Executable: executable, PID: service.PID, Port: port, Started: s.started,
		MemoryUsed: int64(service.Heap + service.Shared), MemoryRSS: int64(own.RSS), MemoryPeak: int64(own.PeakRSS),
		CPUUser: own.User, CPUSystem: own.System,
		MaxClients: maxRedisClients,
		Accepted:   traffic.Accepted.Load(), Refused: traffic.Refused.Load(),
		Requests: traffic.Requests.Load(), Errors: traffic.Errors.Load(),
		BytesIn: traffic.BytesIn.Load(), BytesOut: traffic.BytesOut.Load(),
		JournalBytes: int64(stats.Journal.Segments) * stats.Journal.SegmentSize,
		JournalErr:   service.Reason, Syncs: int64(stats.Journal.Syncs),
		Snapshotting: stats.Snapshotting, SnapshotErr: stats.SnapshotFailure,
		// Records, not changes: a record holds at least one.
		SinceSnapshot: int64(stats.Sequence - stats.Journal.Snapshot.Sequence),
	}
	if at := stats.Journal.Snapshot.Time; at != 0 {
		f.LastSnapshot = time.Unix(0, at)
	}
	return f
}
