// Package history decides whether a recorded history is possible: whether a
// server that keeps the contract of package cuenta can have given these answers
// at these times. It knows the contract and nothing of the server, does no I/O
// but that of its file format, and takes about a third of a microsecond an
// operation.
//
//	r := history.NewRecorder(nil)
//	log := r.Client("resp-1")                    // one log for each client
//	n := log.Begin(&request)                     // before it is sent
//	log.End(n, &result, history.WithValue|history.WithRevision)
//	r.State("crash 1", start, counters, floor)   // what a restart recovered
//	report, err := history.Check(r.History())    // report.Err(): what is impossible
//
// # What a history is
//
// A [History] is operations ([Op]), each with client, start, end, request and
// answer, and what was found durable now and then ([State]): after a crash, at
// the end. All times are of one clock; an operation took effect at one moment
// within start and end, both included. One without an answer may have taken
// effect or not, at any time from its start to its end, which is [Never] unless
// it is known that the process which had it is dead ([Log.Lost]).
//
// An answer tells what its protocol has room for: value and revision, the value
// alone (text, RESP), neither, and sometimes whether it is a repeat's. What an
// operation was refused for tells something too: [cuenta.Overflow],
// [cuenta.Unmet] and [cuenta.Check] saw a state; [cuenta.Busy] and its like did
// nothing.
//
// Few operations have more, an [Extra]: the terms of their request (limits, an end, a
// condition's value) and the amount of their answer; a Describe was told terms, and what is held. Ends
// are told by the ledger's time. What that was, a [Clock] says, as exactly as whoever
// records can know: for a client it is the system's clock with what it may be off by,
// at each start of the server; without any, ends may come at any time.
//
// Operations of one batch have the same number and stand together: they were
// carried out together, nothing between them. If it is Whole, then all or none
// were. A batch that begins with a Check is what the Check spans. The header of
// an All is not recorded; its identity is that of each of its operations.
//
// # What is decided
//
// Per counter, the changes are one chain, numbered by their revisions:
//
//   - no revision is given twice, and each value is the one before it plus the
//     change; resets, sets, conditions and deletions lead on as the contract says;
//   - each revision that no answer names was made by an operation of unknown
//     fate, or by one whose answer named none, and none of those made two;
//   - reads, refusals and checks saw a state of the chain;
//   - what ended before something else started does not come after it: no stale
//     reads, and nothing revealed is taken back, across a crash too, because a
//     state is a read. So acknowledged ⊆ recovered ⊆ attempted.
//
// Limits hold at every revision: a change is within the counter's and its own, one that
// is clamped goes exactly as far as it may, and one that was refused as
// [cuenta.Limited] would have passed just that limit. At its end, neither before it
// nor twice, a counter is deleted, which nobody is told: the deletion has the next
// revision, nobody meets with the counter after it, and until then it is there. So for
// every operation that gave a counter an end a deletion is made up, to be placed
// like others of no known place (clock.go, end.go). Between two starts the ledger's time
// may go back, as far as nobody was told.
//
// Holds (holds.go): value and what is held are within the limits at every revision; a
// hold's id is the revision of its making; it is there until it is settled, released or
// its time is over, and each of these comes once. That it has ended by time nobody is
// told either; unlike a counter it may do so at any moment after its time, so the
// deed that ends it is placed where a revision is missing.
//
// Totals (totals.go): for every Add and Settle a charge is made up for each total above,
// to be placed like an answer without a revision. It certainly was made if the total
// certainly was declared then, and certainly not if it was not; where its declaration
// was under way, or it may have ended, it may have been made. A refusal that names
// a total's level saw that total. So a total gains exactly what was charged, and keeps
// its limits.
//
// Tickets (tickets.go): an ident is like an identity, and all that was asked for it one
// operation; that numbers have no gap and none is given twice, follows from the chain.
// The counters which keep the numbers are judged as answers about the ident.
//
// Rates (rates.go, usage.go): what a counter of a rate remembers is not looked at. What
// was allowed must be within the rate if as little was used before as can be, by the
// revisions and the ledger's time; what was refused must be beyond it if as much was.
//
// Per identity: one operation, carried out at most once, one answer for all
// attempts; repeats are marked so; a conflict needs another operation; nothing
// is answered after it was too old, forgotten only behind the session's window.
// All attempts are then one operation, from the first request to the first
// answer. The history must be shorter than the server's retention of keys.
//
// Over all counters: batches and states each at one moment, and counters made
// anew exactly above the floor, the highest revision deleted so far. For that the
// orders of all counters and of time are put into one graph of batches, states,
// beginnings and deletions, which must have no cycle.
//
// # How exact it is
//
// What is reported as a violation is one: no server can have given this history.
// The other way round: if every answer carries value and revision, no request
// was lost, and nothing is of the kinds below, then what is not reported is
// possible. This takes time linear in the operations, but for short sorts.
//
// Where operations have no revision to place them, or lost ones have to fill
// gaps, a search places them (walk.go, ways.go). It is exact as well, and takes
// time linear in the operations times the clients at work at one moment as long
// as amounts and values pin the places. To pick those of many lost requests that
// add up to a sum is hard in general. It is done by a table of sums (plan.go),
// which is small where amounts are: up to 1000 it finds which of 64 requests lost
// in each of hundreds of crashes were carried out. With amounts of a million, at
// random and without identities, it gives up. The search is bounded, and what it
// gives up is listed in [Report.Undecided] and not reported, unless two
// neighbours of known revision show by themselves that there is no way (gap.go).
// So let requests that carry no identity have small amounts, and say when a
// request can take effect no more.
//
// What may be missed:
//
//   - batches, floors and states against one another where a counter has more
//     than one order: the one found is tried alone, and if it does not fit, that is
//     listed as undecided, and the others are judged without them;
//   - with totals: that a lost request which was carried out has charged them too, but
//     where conserve.go tells: where a total was declared before anything below it was
//     added, and nothing but additions has changed values, it is at every full state the
//     sum of what is below it; that charges and what is below them come at one
//     moment; a refusal that tells no level; anything of a total, if some charge was
//     clamped and no answer tells how far;
//   - holds made where nobody knows the counter's revision;
//   - the same ident's numbers where they may have been forgotten: there only that they
//     are not given anew without a cause; lost requests of one ident for different
//     amounts; tickets with an identity besides are no history;
//   - of rates: what was taken by answers without revision, but for the sum of a window;
//     the exact amounts left and times to wait that were told, the floor once a
//     counter of a rate may have ended, and everything where a counter was used for
//     two rates or for something else;
//   - the floor while a deletion has no known revision, or nobody knows whether a counter
//     that may have had an end still was: any is taken for possible;
//   - that the operations of an all-or-none batch which stand before the one that it
//     was refused for would have gone through;
//   - ends after a time from the operation, where that is not told by a Describe:
//     any between the first and the last is taken for possible;
//   - whether an Add, Set or Reset has changed an end that it was to change only where
//     another condition held, which no answer tells; of a counter that an Expire may
//     have deleted at once or not, by the times known, nothing is decided;
//   - a refusal within an all-or-none batch that saw what the batch itself had
//     done before;
//   - lost requests for different things under one identity, none of them
//     answered: that at most one was carried out;
//   - the value that an Outcome tells of a batch which does not begin with a read;
//   - parts of a batch that is not Whole are taken one by one where it, or what was sent
//     of it before, was lost;
//   - whether a session or a key was kept as long as promised, and a key refused
//     as too old or too new with reason: that needs the server's clock.
//
// # The file
//
// [History.Write] and [Read] use JSON lines, one operation or state each, in any
// order but for batches:
//
//	{"client":"resp-1","start":120,"end":950,"op":"add","counter":"visitas","n":4,"code":"ok","value":13,"revision":7}
//	{"client":"udp-2","start":130,"op":"add","counter":"visitas","n":1,"key":"7f3a-19"}
//	{"start":90,"low":1700000000000000000,"high":1700000000000000000}
//	{"start":95,"op":"expire","counter":"visitas","terms":{"expires":"at","time":1700000000000000500}}
//	{"state":"crash 1","start":1000,"end":1010,"floor":0,"counters":[{"name":"visitas","value":14,"revision":8}]}
//
//	start, end   nanoseconds of one clock; without end it may take effect at any time
//	client       a name, for the reader
//	op           get, add, reset, set, delete, check, open-session, outcome, limit, expire, describe,
//	             take, ticket, hold, settle, release, extend
//	counter      "cuenta" if it is left out
//	n            amount, value, or revision of a check
//	if           absent, present, value or revision
//	terms        floor, ceiling, clamp, expect, expires (never, at, after) with time, expiresIf, lapse,
//	             total, hold, ident, rate (fixed, sliding, steady) with limit, period and burst;
//	             of a describe: held, heldDown, holds, each with id, amount, ends
//	described    whether the terms are those that a describe was told; amount, level: what was answered
//	low, high    what the ledger's time is more than the history's, from start on
//	key          an idempotency key, or
//	session, number, lowest   16 hexadecimal digits, and numbers as in cuenta.Identity
//	batch        a number, the same for all of a batch; whole: true for all or none
//	code         of the answer ("ok", "overflow", …); without it there was none
//	value, revision   as far as they were answered
//	replayed     whether it was marked as a repeat's, if that was told
//	state        a name for the state found; partial: true if counters may be left out
//
// # The files in reading order
//
// history.go (the types), recorder.go, meaning.go and terms.go (what an operation does to
// a state, and sees of one), check.go (the parts in turn), alone.go, batch.go,
// identity.go, group.go, session.go, clock.go and end.go (ends), holds.go, totals.go,
// conserve.go, tickets.go, rates.go, usage.go, list.go, chain.go
// (revisions known), walk.go, deed.go, ways.go, plan.go, deadend.go and gap.go (the
// others), touch.go, serialize.go and graph.go (over all counters), report.go, jsonl.go,
// jsonterms.go.
package history
