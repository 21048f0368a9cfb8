package journal

import (
	"fmt"
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk"
)

func BenchmarkRecordSet(b *testing.B) {
	var r Record
	r.Reset(1)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i++; i%4096 == 0 {
			r.Reset(1)
		}
		r.Set(uint32(i), int64(i)*100, uint64(i))
	}
}

func BenchmarkRecordOpen(b *testing.B) {
	var r Record
	r.Reset(1)
	name := []byte("counter-12345678")
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i++; i%4096 == 0 {
			r.Reset(1)
		}
		r.Open(uint32(i), name, int64(i)*100, uint64(i))
	}
}

// BenchmarkRecordAnswer is what identities usually cost: sixteen numbers of a
// session, one behind the other, in each record.
func BenchmarkRecordAnswer(b *testing.B) {
	var r Record
	b.ReportAllocs()
	groups, bytes := 0, 0
	for b.Loop() {
		a := Answer{Session: 1 << 63, Number: 1 << 20, Lowest: 1<<20 - 15, Kept: Kept{Fingerprint: 0xabcdef01, Value: 100_000, Revision: 20_000}}
		r.Reset(1)
		for range 16 {
			a.Number, a.Lowest, a.Value, a.Revision = a.Number+1, a.Lowest+1, a.Value+5, a.Revision+1
			r.Answer(a.Session, a.Number, a.Lowest, &a.Kept)
		}
		groups, bytes = groups+1, bytes+r.Len()
	}
	b.ReportMetric(float64(bytes)/float64(16*groups), "bytes/answer")
	b.ReportMetric(float64(b.Elapsed())/float64(16*groups), "ns/answer")
}

// nowhere is a Sink that forgets.
type nowhere struct{ puts int }

func (n *nowhere) Drop(uint32, uint64) error               { return nil }
func (n *nowhere) Floor(uint64)                            {}
func (n *nowhere) Put(uint32, []byte, int64, uint64) error { n.puts++; return nil }
func (n *nowhere) Terms(uint32, uint64, Terms) error       { return nil }
func (n *nowhere) Hold(uint32, uint64, Hold) error         { return nil }
func (n *nowhere) Unhold(uint32, uint64, uint64) error     { return nil }
func (n *nowhere) Session(uint64, uint64, int64) error     { return nil }
func (n *nowhere) Answer(Answer, int64) error              { return nil }
func (n *nowhere) Key([]byte, Kept, int64, int64) error    { return nil }
func (n *nowhere) Horizon(int64)                           {}

// BenchmarkAppend appends groups of 4 KiB, with the disk's own sync.
func BenchmarkAppend(b *testing.B) {
	j, _, err := Open(disk.OS, b.TempDir(), &nowhere{}, Options{})
	must(b, err)
	var r Record
	r.Reset(1)
	for cell := uint32(0); r.Len() < 4096; cell++ {
		r.Open(cell, []byte("x"), 1<<40, 1)
	}
	b.SetBytes(int64(r.Len()))
	b.ReportAllocs()
	for b.Loop() {
		must(b, appendWhenRoom(j, &r))
	}
	st := j.Stats()
	b.ReportMetric(float64(st.SyncTotal)/float64(st.Syncs), "sync-ns/op")
	must(b, j.Close())
}

const million = 1_000_000

func writeMillion(b testing.TB, j *Journal, names [][]byte) int64 {
	s, err := j.BeginSnapshot(0, million, 0, 1)
	must(b, err)
	for i, name := range names {
		must(b, s.Put(uint32(i), name, int64(i)*77, uint64(i%1000)))
	}
	must(b, s.Commit(0))
	return j.Stats().Snapshot.Bytes
}

func millionNames() [][]byte {
	names := make([][]byte, million)
	for i := range names {
		names[i] = fmt.Appendf(nil, "counter-%08d", i)
	}
	return names
}

func BenchmarkSnapshotWrite(b *testing.B) {
	j, _, err := Open(disk.OS, b.TempDir(), &nowhere{}, Options{})
	must(b, err)
	names := millionNames()
	for b.Loop() {
		b.SetBytes(writeMillion(b, j, names))
	}
	must(b, j.Close())
}

func BenchmarkSnapshotLoad(b *testing.B) {
	dir := b.TempDir()
	j, _, err := Open(disk.OS, dir, &nowhere{}, Options{})
	must(b, err)
	b.SetBytes(writeMillion(b, j, millionNames()))
	must(b, j.Close())
	for b.Loop() {
		var n nowhere
		c, err := readDir(disk.OS, dir)
		must(b, err)
		must(b, c.read(&replay{into: &n}))
		if n.puts != million {
			b.Fatal(n.puts)
		}
	}
}

// BenchmarkSessionsLoad reads a snapshot of a million sessions with four answers each.
func BenchmarkSessionsLoad(b *testing.B) {
	dir := b.TempDir()
	j, _, err := Open(disk.OS, dir, &nowhere{}, Options{})
	must(b, err)
	s, err := j.BeginSnapshot(0, 0, 0, 1)
	must(b, err)
	answers := make([]Answer, 4)
	for i := range million {
		for n := range answers {
			answers[n] = Answer{Number: uint64(1000 + n), Kept: Kept{Fingerprint: uint32(i), Value: int64(i), Revision: uint64(i)}}
		}
		must(b, s.PutSession(SessionState{ID: sessionID(i + 1), Used: int64(i), Lowest: 1000, Answers: answers}))
	}
	must(b, s.Commit(0))
	size := j.Stats().Snapshot.Bytes
	must(b, j.Close())
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		c, err := readDir(disk.OS, dir)
		must(b, err)
		r := &replay{into: &nowhere{}}
		must(b, c.read(r))
		if len(r.sessions) != million {
			b.Fatal(len(r.sessions))
		}
	}
	b.ReportMetric(float64(size)/million, "bytes/session")
}
