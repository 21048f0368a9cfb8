package inspect

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/gate"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/queue"
	"github.com/cuenta-server/cuenta/internal/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update writes it anew); got:\n%s", path, got)
	}
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// sample is a report with something in every part.
func sample() *Report {
	server := &Process{PID: 4242, Name: "cuenta", Command: "cuenta serve --data cuenta-data", CPUPercent: 12.34,
		RSS: 48 << 20, Threads: 9, FDs: 37, Started: noon.Add(-90 * time.Minute)}
	return &Report{
		System: System{
			Taken: noon,
			Connections: []Connection{
				{"udp", "udp", "127.0.0.1:2002", "", Unconnected},
				{"tcp", "tcp", "127.0.0.1:2020", "", Listen},
				{"tcp", "tcp", "127.0.0.1:2020", "127.0.0.1:50000", Established},
				{"tcp", "tcp6", "[::1]:2020", "[::1]:50002", CloseWait},
			},
			More:    17,
			Summary: Summary{Established: 18, CloseWait: 1, TimeWait: 0, Listen: 1, Unconnected: 1},
			Machine: Summary{Established: 36, CloseWait: 1, TimeWait: 5, Listen: 3, Unconnected: 2, FinWait2: 1},
			Protocols: []Protocol{
				{"IPv4", []Counter{{"InReceives", 6553}, {"InDelivers", 6550}}},
				{"IPv6", []Counter{{"InReceives", 12}}},
				{"TCP", []Counter{{"CurrEstab", 18}, {"InSegs", 6000}}},
				{"UDP", []Counter{{"InDatagrams", 25}, {"NoPorts", 0}}},
				{"UDPv6", []Counter{{"InDatagrams", 0}, {"NewInThisKernel", 3}}},
			},
			Ports: []PortUse{
				{"udp", "udp", 2002, true, Summary{Unconnected: 1}, server},
				{"tcp", "tcp", 2020, true, Summary{Established: 18, CloseWait: 1, Listen: 1}, server},
				{"web", "tcp", 1234, true, Summary{Listen: 1}, nil},
				{"rpc", "tcp", 8080, false, Summary{}, nil},
			},
			Notes: []string{"conexiones udp6: el sistema no tiene IPv6"},
		},
		Service: Service{
			State: Healthy, Version: "1.2.3", PID: 4242, Data: "cuenta-data", Started: noon.Add(-90 * time.Minute),
			Uptime: 90 * time.Minute, Counters: 100_000, MaxCounters: 50_000_000, History: 0xfedcba9876543210, Epoch: 0, Sequence: 987,
			Goroutines: 41, Heap: 12_345_678, Shared: 9_600_000,
		},
		Gate: gate.Stats{Capacity: 64, InUse: 1, Tried: 5, Classes: [...]gate.ClassStats{
			{Class: "console", Grants: 12, Waits: 1, TotalWait: 1500, MaxWait: 1500},
			{Class: "remote", Grants: 345, Waits: 10, Waiting: 2, Canceled: 1, TotalWait: 20 * time.Millisecond, MaxWait: 1234567},
			{Class: "queue", Grants: 98765},
		}},
		Identities: identity.Stats{Sessions: 3, Keys: 41, Memory: 5200, Limit: 1 << 30, Refused: 2},
		Queue: queue.Stats{Capacity: 65536, Depth: 12, HighWater: 4096, Messages: 3, Waiting: 1, Accepted: 1000,
			AcceptedWeight: 5012, Taken: 997, TakenWeight: 5000, Waited: 9, Canceled: 2, Refused: 4},
		Watches: watch.Stats{Now: 6, Begun: 31, Refused: 1, Slow: 5, Dropped: 2, Lost: 3},
		Fronts: []cuenta.ServiceStatus{
			{Name: "udp", State: cuenta.Running, Address: "127.0.0.1:2002", Requests: 25, Errors: 1, BytesIn: 250, BytesOut: 75, Dropped: 2},
			{Name: "tcp", State: cuenta.Draining, Address: "127.0.0.1:2020", Open: 19, Accepted: 40, Refused: 3,
				Requests: 123456, Errors: 7, BytesIn: 1 << 20, BytesOut: 5 << 30},
			{Name: "proc", State: cuenta.Stopped, Address: "127.0.0.1:2002"},
		},
		Workers: []Worker{
			{Front: "proc", PID: 4250, Connections: 1, Accepted: 1, Requests: 10, BytesIn: 60, BytesOut: 20, CPUPercent: 0.5, RSS: 6 << 20},
		},
		Journal: journal.Stats{
			Sequence: 987, Segments: 2, Active: 7, SegmentSize: 16 << 20, Fill: 3 << 20, NextReady: true,
			Records: 900, Bytes: 3 << 20, Syncs: 901, SyncLast: 812 * time.Microsecond, SyncTotal: 731 * time.Millisecond, SyncMax: 12 * time.Millisecond,
			Snapshot:      journal.SnapshotStats{Sequence: 500, Time: noon.UnixNano(), Counters: 99_000, Bytes: 2 << 20, Took: 40 * time.Millisecond, Written: 1},
			SinceSnapshot: 1 << 20,
		},
	}
}

func TestText(t *testing.T) { golden(t, "report.txt", sample().Text()) }

// A server that has just started, on a system that shows nothing.
func TestTextOfNothing(t *testing.T) {
	golden(t, "empty.txt", (&Report{Service: Service{State: Healthy}}).Text())
}

func TestTextIsLoudWhenItMustBe(t *testing.T) {
	for health, want := range map[Health]string{Full: "ATENCIÓN: disco lleno", Failed: "ATENCIÓN: el diario falló"} {
		r := sample()
		r.Service.State, r.Service.Reason = health, "fdatasync: input/output error"
		head := strings.SplitN(string(r.Text()), "\n\n", 2)[0]
		if !strings.Contains(head, want) || !strings.Contains(head, r.Service.Reason) {
			t.Errorf("%s begins with %q", health, head)
		}
	}
}

func TestJournalInTrouble(t *testing.T) {
	r := sample()
	r.Journal.Full, r.Journal.Reason, r.Journal.Failed = true, "no space left on device", "write: input/output error"
	r.Journal.Snapshot = journal.SnapshotStats{}
	text := string(r.Text())
	for _, want := range []string{"no se puede preparar: no space left on device", "Fallo                        write: input/output error", "ninguna"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}

// What others chose cannot add lines, columns or terminal commands.
func TestTextIsPrintable(t *testing.T) {
	plain, evil := sample(), sample()
	const bad = "a\nb\tc\x1b[2Jd\r\u202e\xff"
	evil.System.Ports[0].Process.Name = bad
	evil.System.Ports[0].Process.Command = bad
	evil.System.Notes[0] = bad
	evil.Service.Data = bad
	text := string(evil.Text())
	if strings.ContainsAny(text, "\t\r\x1b\u202e") || strings.Count(text, "\n") != strings.Count(string(plain.Text()), "\n") {
		t.Errorf("%q", text)
	}
}

func TestJSON(t *testing.T) {
	got, err := sample().JSON()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", got)
	var back Report
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back.Text(), sample().Text()) {
		t.Error("the text of what came back differs")
	}
}

// An empty list is [] in JSON, not null.
func TestNoNulls(t *testing.T) {
	s, err := ReadSystem(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := (&Report{System: s}).JSON()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(got, []byte("null")) {
		t.Errorf("%s", got)
	}
}

func TestReadRuntime(t *testing.T) {
	var s Service
	s.ReadRuntime()
	if s.Goroutines == 0 || s.Heap == 0 || s.Heap > 1<<40 {
		t.Errorf("%+v", s)
	}
}

func TestSizesAndSpans(t *testing.T) {
	for n, want := range map[int64]string{-1: "-1 B", 0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB",
		1 << 20: "1.0 MiB", 1<<30 - 1: "1024.0 MiB", 1 << 62: "4096.0 PiB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0s", 123: "120ns", 1234567: "1.23ms", 90*time.Second + 1: "1m30s"} {
		if got := span(d); got != want {
			t.Errorf("span(%d) = %q, want %q", d, got, want)
		}
	}
}
