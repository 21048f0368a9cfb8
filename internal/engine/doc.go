// Package engine is the Servicio de Cuentas: it passes batches of requests
// through the gate to the ledger, makes what they change durable in groups, and
// only then lets the answers go.
//
// # The commit cycle
//
// A group is all that was changed since the last one was sealed. While one group
// is being written and synced, the next fills. There is no committer goroutine
// to hand work to: whoever waits for an answer and finds nobody leading leads.
// The leader drains the message queue, seals the group, writes and syncs it,
// publishes its values in the shared cells and wakes those whose answers became
// durable. When its own answer is among them it passes the lead to one that
// still waits and goes; so a group costs nobody more than its own wake-up.
//
// Batches of the queue's class are applied by the leader. Those of the console
// and remote classes are applied by their own goroutines, which pass the gate
// with a higher priority, and then wait for the group like the others.
//
// [Cycle] is the cycle without goroutines, locks and I/O: a step machine that an
// event loop or a simulation can drive as well.
//
// A ticket is the number of the group that makes a batch durable. Groups are
// sealed in order and land in order, so one number tells which tickets are due.
//
// # Failure
//
// If a write or sync fails, the fate of the group is unknown and the engine is
// poisoned: batches under way get [cuenta.Unknown], later changes
// [cuenta.Failed], and reads are answered from the durable pairs.
package engine
