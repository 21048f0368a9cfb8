package journal

import "time"

// Stats is what a journal has done and how it is.
type Stats struct {
	Sequence    uint64 `json:"sequence"` // of the last durable record
	Segments    int    `json:"segments"` // with records, and the active one
	Active      uint64 `json:"active"`   // number of the active segment
	SegmentSize int64  `json:"segment_size"`
	Fill        int64  `json:"fill"` // bytes used of the active segment
	NextReady   bool   `json:"next_ready"`

	Records   uint64        `json:"records"` // since the start, like all that follow
	Bytes     int64         `json:"bytes"`
	Syncs     uint64        `json:"syncs"`
	SyncLast  time.Duration `json:"sync_last_ns"`
	SyncTotal time.Duration `json:"sync_total_ns"`
	SyncMax   time.Duration `json:"sync_max_ns"`

	Snapshot      SnapshotStats `json:"snapshot"`
	SinceSnapshot int64         `json:"since_snapshot"` // bytes of log that a snapshot would free, about

	Full   bool   `json:"full"`   // there is no next segment
	Reason string `json:"reason"` // why there is none
	Failed string `json:"failed"` // why the journal failed for good; empty if it did not
}

// SnapshotStats is about the last snapshot. After a start only Sequence is known.
type SnapshotStats struct {
	Sequence uint64        `json:"sequence"` // where it begins; 0: there is none
	Time     int64         `json:"time"`     // ledger time
	Counters uint64        `json:"counters"`
	Bytes    int64         `json:"bytes"`
	Took     time.Duration `json:"took_ns"`
	Written  uint64        `json:"written"` // snapshots since the start
	Aborted  uint64        `json:"aborted"`
}

// add counts one write and sync.
func (s *Stats) add(bytes int, sync time.Duration) {
	s.Records++
	s.Syncs++
	s.Bytes += int64(bytes)
	s.SinceSnapshot += int64(bytes)
	s.SyncLast = sync
	s.SyncTotal += sync
	s.SyncMax = max(s.SyncMax, sync)
}

// Stats returns the state of now.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.stats
	s.Sequence = j.durable
	s.Segments = len(j.old) + 1
	s.Active, s.SegmentSize, s.Fill = j.active.number, j.active.size, j.active.fill
	s.NextReady = j.next.state == ready
	if j.next.state == lacking {
		s.Full, s.Reason = true, j.next.err.Error()
	}
	if j.failed {
		s.Failed = j.err.Error()
	}
	return s
}
