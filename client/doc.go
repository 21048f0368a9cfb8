// Package client counts on a Cuenta server, so that a retry never counts twice.
//
//	c, err := client.Open(ctx, "cuenta://localhost")
//	…
//	r, err := c.Counter("visitas").Add(ctx, 1)
//
// # What it takes care of
//
// Every change gets an identity of its own before it is sent for the first time.
// When no answer comes, because a message was lost, the connection broke or the
// server was killed, the client asks again under the same identity, and the
// server, which remembers it, answers again instead of counting again. So what a
// call says is exact: a result means that the change counted once; an error says
// with its [Error.Fate] whether it counted not at all or whether that could not be
// found out in the time given. In the latter case [Error.Identity] names the
// change, and [Client.Outcome] asks what became of it.
//
// Retries wait with exponential back-off and full jitter, and are paid from a
// budget, so that many clients do not bury a server that has just come back. What
// would be in vain is not repeated: an overflow, a conflict, a malformed name.
//
// # Addresses
//
//	cuenta://host:1234     the API, over HTTP
//	redis://host:6380      the Redis protocol, all calls pipelined on one connection
//	udp://host:2002        a datagram for each attempt
//	shm:///path/of.sock    rings in shared memory, for programs on the server's machine (Linux)
//
// A port that is left out is the one shown. What each of them can do:
//
//	                     cuenta   redis   udp   shm
//	Add, Reset, Get      yes      yes     yes   yes
//	Set, Delete, Batch   yes      yes     no    yes
//	Batch.DoAtomic       yes      no      no    yes
//	Outcome              yes      yes     no    yes
//	SetLimits, Transfer  yes      yes     yes   yes
//	Expire               yes      yes     yes   yes
//	options of Add       yes      yes     yes   yes
//	options of Set       yes      ends    -     yes
//	options of Reset     yes      ends    yes   yes
//	IfAbsent, IfPresent  yes      Set     no    yes
//	IfValue, IfRevision  yes      no      no    yes
//	Describe             yes      yes     no    yes
//	Take, Ticket, Hold   yes      yes     yes   yes
//	Settle, Extend …     yes      yes     yes   yes
//	Holds                yes      yes     no    yes
//	ResetTickets         yes      no      yes   yes
//	Watch                yes      no      no    no
//	Result.Revision      yes      no      no    yes
//	Result.Applied       yes      yes     no    yes
//
// What one cannot do is refused as [cuenta.Unsupported]. So is:
//
//   - over udp://, to add 0 or the least int64, a ceiling on a transfer, an end, of a hold
//     too, or a rate's period that is not whole seconds from now on, and of a change other
//     than Expire [Never] and [IfEnd];
//   - over redis://, a ceiling on a transfer, the end of a hold that is not a time from now
//     on, a rate whose period is not whole milliseconds, an end [At] a time without
//     [Lapse], and an [IfEnd] other than those of the Redis protocol: of an Add none but
//     [cuenta.ExpiryIfNone], of a Set and a Reset none, of [Never] none but
//     [cuenta.ExpiryIfAny]. Ends are whole milliseconds, the last one begun.
//
// And some do not tell all. Over udp:// Take does not tell when all may be taken again,
// nor, where it is not allowed, what may be taken; Ticket tells the last number only; and
// about holds nothing is told but their ids, and the value after Settle, Release and
// Extend. Over redis:// SetLimits, Expire and those of holds but Settle do not tell the
// value, nor Transfer which limit has refused it, nor an Add with options which one of the
// counter's own: of such it calls [cuenta.Overflow] what would be one without it.
//
// # Identities
//
// Over UDP an identity is a random key, a UUID of version 7. It tells its time, so
// that the server can refuse it once it could have forgotten it: the clocks of
// both must agree, the client's be less than a minute ahead. On the others it is a number in a
// session that the client opens when it first changes something, and anew when the
// server has ended it. A program that knows a better name for a change, such as
// the number of the order it belongs to, can give it: see [Counter.Once]. That
// guards against repeats by the program itself, in a later run too.
package client
