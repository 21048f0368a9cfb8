package resp

import (
	"strconv"

	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// parameter is one answer of CONFIG GET.
type parameter struct{ name, value string }

// parameters are those settings of Redis that have a true counterpart here.
// Clients and tools look at them; none can be changed.
func parameters(f Facts) []parameter {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []parameter{
		{"appendfsync", "always"}, // every answer waits for the disk
		{"appendonly", "yes"},
		{"databases", "1"},
		{"maxclients", number(int64(f.MaxClients))},
		{"maxmemory", "0"},
		{"maxmemory-policy", "noeviction"},
		{"port", number(int64(f.Port))},
		{"proto-max-bulk-len", number(wire.MaxCommand)},
		{"requirepass", ""},
		{"save", ""}, // snapshots follow the log's size
		{"timeout", number(int64(f.IdleTimeout.Seconds()))},
	}
}

func runConfigGet(s *Session, dst []byte, args [][]byte) []byte {
	var found []parameter
	for _, p := range parameters(s.p.facts()) {
		for _, pattern := range s.bounded(args[2:]) {
			if match(pattern, p.name, true) {
				found = append(found, p)
				break
			}
		}
	}
	dst = wire.AppendMap(dst, s.version, len(found))
	for _, p := range found {
		dst = wire.AppendBulk(dst, p.name)
		dst = wire.AppendBulk(dst, p.value)
	}
	return dst
}
