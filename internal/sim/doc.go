// Package sim runs the whole counting path in a simulated world, in one goroutine
// and from one seed: everything that is random, the order of events included, comes
// from it, so a seed that goes wrong goes wrong again, and its trace can be read.
//
// # What is real and what is not
//
// Real are the commit cycle and the walk of snapshots (package engine, as step
// machines), ledger, identities, journal, message queue, and the protocols: text,
// Redis', and the rings' messages in the place of all that carry whole requests.
// Simulated are what surrounds them: the disk (disk.go, crash.go), the network
// (network.go), the clock, and the shells: the loops of the fronts (front.go) and
// the engine's goroutines (commit.go, snapshot.go), which do here in steps what they
// do there side by side. The gate has nothing to do, for a step is never interrupted.
//
// # The world
//
// A world (world.go) has a profile (profile.go): how many clients, how bad a
// network, how slow a disk, how small the bounds. Things happen in the order of the
// schedule (schedule.go). What calls the disk is a task (task.go): it pauses at every
// call, and while it does, batches are applied, other tasks run, or the power is cut;
// so a crash finds the server within any call.
//
// A life (life.go) is the server from a start to its end: a power cut, a kill that
// leaves what the system had taken, or a clean stop. Of what was not synced a power
// cut leaves any part, in any order. Troubles (trouble.go) besides: calls that fail,
// syncs after which the system believes what the disk does not have, a disk that is
// full for a while, clocks that jump, connections that break. Now and then a server
// is started aside on a copy of the disk with one bit flipped (probe.go).
//
// Counters have limits and ends (terms.go), short enough for many of them to come while
// the world lasts, and they are looked for as in the engine (lapse.go). In half of the
// worlds there are holds, totals, tickets and rates besides (beyond.go).
//
// Clients (client.go, call.go, ways.go) want counters changed, under keys, numbers of
// sessions or no identity, time out, ask again over another way in, ask for the same
// while it is under way or long after, use an identity twice, and ask what became of
// one.
//
// # The judge
//
// What clients and restarts observe is a history, and package history decides
// whether it is possible; so it is judged by nothing that the server believes of
// itself. Beside that a few counters are tallied, no start may be refused for which
// there is no cause, and in the end, when all trouble is over, every client that
// insists must have got its answers. See judge.go.
//
// That the judge judges is shown by faults planted into the server (fault.go), each
// of which is found within a few seeds.
package sim
