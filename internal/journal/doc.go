// Package journal makes groups of effects durable and gives them back after a
// restart: a write-ahead log in segments, snapshots beside it, recovery, and a
// check of a whole directory.
//
// It stores effects, not requests: "cell 17 now holds value 5 at revision 3".
// Replaying an effect twice does no harm, because a revision already reached is
// never applied again; so a snapshot may be written while changes go on.
//
// # A data directory
//
//	LOCK                     held by the server, so there is only one
//	log-0000000000000007     segments, numbered from 1; all of one size, written with zeros ahead of use
//	snapshot-0000000000001f  a snapshot; the number is the last sequence it needs no log for
//	*.tmp                    being made; removed at the next start
//
// # A segment
//
// A header (magic "CUENTALG", format version, history, segment number, sequence
// of the first record, checksum), then records one behind the other, then a seal
// record, then whatever the file held before (zeros). Every segment that was
// left for the next one, and every log that was closed by a clean stop, ends in
// a seal. Only the segment in use when the server died has none.
//
// # A record
//
// One record is one commit group, written with one write and made durable by one
// sync, before the next is written:
//
//	magic     u32   "CREC"
//	length    u32   bytes of the entries
//	checksum  u32   CRC-32C of everything behind this field up to the end of the entries
//	version   u8    format version of the record
//	          3 bytes of zeros
//	history   u64   which line of history this belongs to; a restored backup begins a new one
//	epoch     u64   owner of a cluster; 0 now
//	sequence  u64   1, 2, 3 … without a gap through all segments
//	time      i64   ledger time, nanoseconds since 1970; never goes back
//	entries   …
//
// All fixed-size integers are little-endian. An entry begins with its type:
//
//	1 set   cell uvarint, value varint, revision uvarint
//	2 open  cell uvarint, name length u8, name, value varint, revision uvarint
//	3 seal  nothing; the only entry of its record
//
// An unknown type, version, or history stops recovery.
//
// # Recovery
//
// The newest snapshot is read, then every record after the sequence where it
// began. In the unsealed segment the first record that does not check out is the
// end of the log if nothing behind it checks out with a sequence that follows:
// then it was the group under way when the machine stopped, which nobody was
// told of. It is cut off, and reported. If anything behind it does check out,
// or the damage is in a sealed segment or a snapshot, the start is refused with
// file, offset and advice. A start always goes on in a fresh segment.
//
// # Room
//
// The next segment is made, zero-filled and synced in the background while the
// current one fills, so that a change is only accepted when there is room for it
// already. When making it fails, Room says [cuenta.Full] as soon as the current
// segment cannot hold what is asked, and making it is tried again every second.
package journal
