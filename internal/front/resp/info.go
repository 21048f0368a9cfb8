package resp

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// report is INFO under way.
type report struct {
	text    strings.Builder
	facts   Facts
	now     time.Time
	clients int
	count   uint64 // counters
}

// sections are the parts of INFO, in Redis' order. Fields that have no true
// counterpart are left out, except the few that tools cannot do without.
var sections = []struct {
	name  string
	write func(*report)
}{
	{"server", (*report).server},
	{"clients", (*report).connections},
	{"memory", (*report).memory},
	{"persistence", (*report).persistence},
	{"stats", (*report).stats},
	{"replication", (*report).replication},
	{"cpu", (*report).cpu},
	{"cluster", (*report).cluster},
	{"keyspace", (*report).keyspace},
}

func runInfo(s *Session, dst []byte, args [][]byte) []byte {
	r := &report{facts: s.p.facts(), now: s.p.now(), clients: len(s.p.connected()), count: s.p.directory.Count()}
	for _, section := range sections {
		if !wantsSection(args[1:], section.name) {
			continue
		}
		if r.text.Len() > 0 {
			r.text.WriteString("\r\n")
		}
		fmt.Fprintf(&r.text, "# %s\r\n", title(section.name))
		section.write(r)
	}
	return wire.AppendVerbatim(dst, s.version, []byte(r.text.String()))
}

// title is a section's heading.
func title(name string) string {
	if name == "cpu" {
		return "CPU"
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

func wantsSection(names [][]byte, section string) bool {
	for _, name := range names {
		if isWord(name, section) || isWord(name, "default") || isWord(name, "all") || isWord(name, "everything") {
			return true
		}
	}
	return len(names) == 0
}

func (r *report) line(name string, value any) { fmt.Fprintf(&r.text, "%s:%v\r\n", name, value) }

func (r *report) flag(name string, value bool) {
	if value {
		r.line(name, 1)
	} else {
		r.line(name, 0)
	}
}

func (r *report) server() {
	uptime := wholeSeconds(r.now.Sub(r.facts.Started))
	r.line("redis_version", redisVersion)
	r.line("redis_mode", "standalone")
	r.line("cuenta_version", r.facts.Version)
	r.line("os", runtime.GOOS+" "+runtime.GOARCH)
	r.line("arch_bits", 32<<(^uint(0)>>63))
	r.line("go_version", runtime.Version())
	r.line("process_id", r.facts.PID)
	r.line("tcp_port", r.facts.Port)
	r.line("server_time_usec", r.now.UnixMicro())
	r.line("uptime_in_seconds", uptime)
	r.line("uptime_in_days", uptime/(24*60*60))
	r.line("executable", r.facts.Executable)
}

func (r *report) connections() {
	r.line("connected_clients", r.clients)
	r.line("maxclients", r.facts.MaxClients)
	r.line("blocked_clients", 0)
}

func (r *report) memory() {
	for _, m := range []struct {
		name string
		size int64
	}{
		{"used_memory", r.facts.MemoryUsed},
		{"used_memory_rss", r.facts.MemoryRSS},
		{"used_memory_peak", r.facts.MemoryPeak},
		{"maxmemory", 0},
	} {
		r.line(m.name, m.size)
		r.line(m.name+"_human", human(m.size))
	}
	r.line("maxmemory_policy", "noeviction")
}

// human is a size as Redis shows it to people.
func human(size int64) string {
	if size < 1024 {
		return fmt.Sprintf("%dB", size)
	}
	value, unit := float64(size)/1024, 0
	for units := len("KMGT"); value >= 1024 && unit < units-1; unit++ {
		value /= 1024
	}
	return fmt.Sprintf("%.2f%c", value, "KMGT"[unit])
}

func (r *report) persistence() {
	last := int64(0)
	if !r.facts.LastSnapshot.IsZero() {
		last = r.facts.LastSnapshot.Unix()
	}
	r.line("loading", 0)
	r.line("rdb_changes_since_last_save", r.facts.SinceSnapshot)
	r.flag("rdb_bgsave_in_progress", r.facts.Snapshotting)
	r.line("rdb_last_save_time", last)
	r.line("rdb_last_bgsave_status", status(r.facts.SnapshotErr))
	r.line("aof_enabled", 1)
	r.line("aof_rewrite_in_progress", 0)
	r.line("aof_last_write_status", status(r.facts.JournalErr))
	r.line("aof_current_size", r.facts.JournalBytes)
	r.line("cuenta_syncs", r.facts.Syncs)
}

// status is what Redis says where there may have been an error.
func status(err string) string {
	if err != "" {
		return "err"
	}
	return "ok"
}

func (r *report) stats() {
	r.line("total_connections_received", r.facts.Accepted)
	r.line("total_commands_processed", r.facts.Requests)
	r.line("total_net_input_bytes", r.facts.BytesIn)
	r.line("total_net_output_bytes", r.facts.BytesOut)
	r.line("rejected_connections", r.facts.Refused)
	r.line("total_error_replies", r.facts.Errors)
	r.line("evicted_keys", 0)
}

func (r *report) replication() {
	r.line("role", "master")
	r.line("connected_slaves", 0)
}

func (r *report) cpu() {
	fmt.Fprintf(&r.text, "used_cpu_sys:%.6f\r\nused_cpu_user:%.6f\r\n", r.facts.CPUSystem.Seconds(), r.facts.CPUUser.Seconds())
}

func (r *report) cluster() { r.line("cluster_enabled", 0) }

func (r *report) keyspace() {
	if r.count > 0 {
		text := fmt.Sprintf("keys=%d", r.count)
		if r.facts.Expiring != nil {
			text += fmt.Sprintf(",expires=%d", *r.facts.Expiring)
		}
		r.line("db0", text)
	}
}
