// Package watch tells watchers what becomes of counters: every change, or an
// explicit word that some were skipped.
//
// The engine hands the [Hub] the changes of each durable group, from the moment
// that somebody watches. They go into a ring of bounded size. One goroutine, the
// teller, takes them from there, merges them per counter for each topic that is
// watched (a name, or a beginning of names), and makes deliveries of them that all
// watchers of the topic share; between rounds it rests in proportion to what all
// watching took.
//
// A watcher begins with the state of all that it covers. It is read slice by slice
// from the durable cells while changes go on, and yet nothing is missed and nothing
// told twice: what changed in the meantime is in the ring, with the number of its
// group and of its cell, so that after every slice all that was told so far is
// brought to the same group (see state.go). A watcher that falls behind the shared
// deliveries gets what it missed from the ring, merged; one that falls behind the
// ring is told so and begins anew. So does one that comes back from an earlier
// connection with a position that the ring does not reach.
//
// The files in reading order: ring.go, topic.go (which changes concern whom, and
// how they merge), hub.go, teller.go, state.go, watcher.go. tally.go
// counts for reports what becomes of watches.
package watch
