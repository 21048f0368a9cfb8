// Package journal makes groups of effects durable and gives them back after a
// restart: a write-ahead log in segments, snapshots beside it, recovery, and a
// check of a whole directory.
//
// It stores effects, not requests: "cell 17 now holds value 5 at revision 3".
// Replaying an effect twice does no harm, because a revision already reached is
// never applied again; so a snapshot may be written while changes go on. What is
// to be remembered of an identity stands in the record of its change, so that one
// is never there without the other.
//
// # A data directory
//
//	LOCK                       held by the server, so there is only one
//	log-0000000000000007       segments, numbered from 1, written with zeros ahead of use
//	snapshot-000000000000001f  a snapshot; the number is the last sequence it needs no log for
//	*.tmp                      being made; removed at the next start
//	UNFINISHED                 a backup is being written there, or restored; nobody opens it
//
// Numbers in names are hexadecimal. All fixed-size integers in files are
// little-endian; uvarint and varint are those of encoding/binary.
//
// # A header
//
// Segments and snapshots begin with 64 bytes, which every version of the format
// will have in common down to the version:
//
//	magic     8 bytes  "CUENTALG" or "CUENTASN"
//	checksum  u32      CRC-32C of everything behind this field
//	version   u32      of the format: 2; no other is read
//	history   u64      which line of history this belongs to; a restored backup begins a new one
//	           a segment                  a snapshot
//	          u64  its number            begin: the last sequence it needs no log for
//	          u64  size of the file      number of the segment that holds the next one
//	          u64  0                     ledger time
//	          u64  0                     counters there were when it was begun
//	epoch     u64      owner of a cluster; 0 now
//
// # A segment
//
// A header, then records one behind the other, then a seal, then zeros. Every
// segment that was left for the next one, and every log that was closed by a
// clean stop, ends in a seal. Only the segment in use when the server died has
// none. A header does not tell the sequence of the first record, for it is
// written before that is known.
//
// # A record
//
// One record is one commit group, written with one write and made durable by one
// sync, before the next is written:
//
//	magic     u32   "CREC"
//	length    u32   bytes of the entries
//	checksum  u32   CRC-32C of all the rest, the fields before included
//	version   u8    format version of the record
//	          3 bytes of zeros
//	history   u64
//	epoch     u64
//	sequence  u64   1, 2, 3 … without a gap through all segments
//	time      i64   ledger time, nanoseconds since 1970; never goes back
//	entries   …
//
// An entry begins with its type:
//
//	1 set   cell uvarint, value varint, revision uvarint
//	2 open  cell uvarint, name length u8, name, value varint, revision uvarint
//	4 drop  cell uvarint, revision uvarint: the counter is deleted, the cell vacant
//	3 seal  uvarint: number of the segment in which the log goes on, 0 after a clean
//	        stop; the only entry of its record
//
//	10 terms  cell uvarint, revision uvarint, mask u8: 1 floor, 2 ceiling, 4 end,
//	        8 it is a total; then those of the first three that the mask names: varint,
//	        varint, uvarint (ledger time, not 0). They replace all that the counter had
//	11 hold    cell uvarint, revision uvarint, id uvarint, amount varint, end uvarint
//	        (ledger time), the last three not 0: the counter has this hold from then on,
//	        in place of one of that id
//	12 unhold  cell uvarint, revision uvarint, id uvarint: it has that hold no more
//
// and those of identities, whose time is that of the record:
//
//	5 session  id u64: a session was granted
//	6 answer   session's id u64, number uvarint, number less the lowest that is
//	           remembered from then on uvarint, outcome
//	7 next     outcome: the answer to the number behind that of the last answer in
//	           this record, of the same session, and with the same lowest number
//	8 shift    outcome: the same, with the lowest number one higher as well
//	9 key      length u8, idempotency key, outcome
//	outcome    fingerprint u32, code u8, value varint, revision uvarint; where the
//	           code has the bit 0x80, which is not of the code, an amount behind that:
//	           varint, not 0; of a change that a total refused, which left no revision,
//	           that is 2^63 and the total's level
//
// Every operation with an identity writes one of these, so they are short: a
// session whose numbers come in order costs 12 bytes a number. That a session or
// a key was forgotten is not written: it follows from the time.
//
// Terms stand behind the set or open of the same cell and revision, in its record,
// for giving a counter terms is a change of it. So do holds, each with the revision
// that the counter has in the end of the record: some changes of a group may each have
// made one, whose id is the revision of its own. A drop ends terms and holds, and a
// cell that is opened has none.
//
// An unknown type, version, or history stops recovery.
//
// # A snapshot
//
// A header, then blocks of about 256 KiB, then a footer that ends the file:
//
//	block   "CBLK", length u32, checksum u32, counters u32, then counters
//	        "CTRM", length u32, checksum u32, counters u32, then their terms
//	        "CHLD", length u32, checksum u32, holds u32, then holds
//	        "CSES", length u32, checksum u32, sessions u32, then sessions
//	        "CKEY", length u32, checksum u32, keys u32, then keys
//	counter cell uvarint, name length u8, name, value varint, revision uvarint
//	terms   what an entry has behind its type; the revision is the counter's then
//	hold    the same
//	session id u64, time of last use i64, lowest number remembered uvarint, answers u8,
//	        then answers: number less the lowest u8, outcome
//	key     length u8, idempotency key, outcome, time of first use varint, time until
//	        which it is remembered less that of first use varint
//	footer  "CEND", length u32, checksum u32, 0 u32, end u64, blocks u64, counters u64,
//	        terms u64, holds u64, sessions u64, keys u64,
//	        floor u64: the highest revision of a deletion before the beginning
//	        horizon i64: the latest own time of a key that was forgotten
//
// Blocks of counters come first, then those of terms, holds, sessions, and keys.
// Cells of counters ascend. The first of a block is whole, and each further one is
// counted from the cell behind the one before. The rest is in no order. A
// checksum covers the whole of its block and, before it, the header, so that it
// fits this one file only. End is the last sequence of which the snapshot may hold
// effects: the log must reach it, or something is missing.
//
// # Recovery
//
// The newest snapshot is read, then every record after the sequence where it
// began. In the unsealed segment the first record that does not check out is the
// end of the log if nothing behind it checks out with a sequence that follows:
// then it was the group under way when the machine stopped, which nobody was
// told of. It is cut off, and reported. If anything behind it does check out,
// or the damage is in a sealed segment or a snapshot, the start is refused with
// file, offset and advice. A start always goes on in a fresh segment; before that it
// writes the last record anew and syncs it, for the system that it was read from may
// have it in memory only, and only then seals the segment.
//
// One thing cannot be told apart: a last record that was acknowledged and rotted
// afterwards looks like one that was never finished. A clean stop puts its seal
// behind it, and then it can; of a rotten seal itself no value depends.
//
// A snapshot's terms are read later than its counters, so they may be newer than the
// counter they belong to, which the log then brings up to their revision and on: what
// it passes on the way, older terms, a drop and an open among it, ends with the terms
// that were read if anything changed them, and leaves them alone if nothing did. Terms
// of a cell that the snapshot has not are passed over, for its counter was opened
// behind the beginning, and the log has all of its terms. What the log has from before
// the counter's revision in the snapshot is ignored, terms like values.
//
// It is the same with holds, each by itself. Take the last that became of one, and the
// record that says so. If its revision is below that of the counter in the snapshot, or
// it stands before the beginning, it was done before the walk came to the counter, and
// so before it came to any hold: the walk met the hold as it still is, or did not meet
// it, and what the log has of it is ignored. Otherwise that record is heeded, and none
// of the hold comes behind it: whether the walk met the hold in an earlier state, in a
// later one than its counter, or not at all, it is then what it should be. So a hold
// that was made and ended meanwhile may come and go again, and an unhold find nothing.
// One of a counter that was made anew in the cell is given to the older counter where
// the snapshot has that; the drop that is to come ends it, and the log has it behind.
//
// On the way there may be holds side by side that never were. Behind the snapshot's end
// all is as it was, so from there on an unhold that finds nothing is an error: a start
// ignores it, a check tells it.
//
// In the records through the snapshot's end, an answer may come for a session that
// is not known: it ended before the snapshot came to it, and the answer is passed
// over. A session that comes again there is passed over too, for the snapshot
// knows it better. Behind the end, either is damage.
//
// # Backups
//
// What a server has on disk at any instant is enough to go on from, so a backup is
// a copy of that, taken without the server's help: the newest snapshot, the sealed
// segments, and the whole records of the one in use, behind which the copy gets a
// seal of its own. Segments and snapshots never change but at the end of the last
// segment; that one of them was replaced meanwhile shows when it is opened, which
// all are before the first is copied. As every record is on disk before its answer
// leaves, the copy holds all that was acknowledged before it was begun.
//
// A restored backup is another line of history: its clients were told of changes
// that it does not know. So it is written under a new id, which keeps its files and
// those of before from being mixed, and without sessions: their numbers go on
// where the backup knows nothing of, and a client that is told so asks for a new
// one. Keys stay, so what was done before the backup is not done again.
//
// # Room
//
// The next segment is made, zero-filled and synced in the background while the
// current one fills, so that a change is only accepted when there is room for it
// already. When making it fails, Room says [cuenta.Full] as soon as the current
// segment cannot hold what is asked, and making it is tried again every second.
package journal
