package cuenta

// The net/rpc service, under the name [RPCService] at net/rpc's standard HTTP
// path, so that rpc.DialHTTP works:
//
//	Inc, Dec       (int64) int64     add and subtract; negative amounts as in Redis' INCRBY; 0 reads
//	Reset, Get     (int64) int64     the argument is ignored
//	Ingresar       (int64) int64     pays in, which adds; 0 reads, negative amounts are refused
//	Retirar        (int64) int64     pays out what there is, and nothing below 0; as Ingresar
//	Balance        (int64) int64     the argument is ignored
//	Info, InfoJSON (int64) string    the argument is ignored
//	Services       (string) string   one line per front; the argument is ignored
//	Start, Stop    (string) string   the argument names the front
//	Apply          (RPCRequest) RPCReply
//	Limitar        (RPCLimits) RPCReply
//	Expirar        (RPCExpiry) RPCReply
//	Describir      (RPCRequest) RPCReply   the value and the terms of its counter
//	Transferir     (RPCTransfer) RPCReply
//	Tomar          (RPCTake) RPCReply      takes from what a rate allows
//	GetTicket      (RPCTicket) RPCReply    the number, or numbers, of an ident
//	IsValid        (RPCNumber) bool        whether a number was given out
//	ResetTickets   (RPCTicket) RPCReply    from 1 again, and nobody has a number
//	Apartar        (RPCHold) RPCReply      holds back; the reply's Revision is the hold's id
//	Liquidar       (RPCHold) RPCReply      settles a hold
//	Soltar         (RPCHold) RPCReply      releases a hold
//	Extender       (RPCHold) RPCReply      gives a hold another end
//	Outcome        (RPCRequest) RPCReply   what became of the request with its identity
//	OpenSession    (int64) uint64          the argument is ignored
//	List           (RPCList) RPCListed
//	Fronts         (int64) []ServiceStatus
//
// Inc to Balance act on [DefaultCounter], as do the others if they name none. Errors have the text form of
// [Error].
const RPCService = "Cuenta"

// RPCRequest is the argument of Apply.
type RPCRequest struct {
	// Op is "get", "add", "reset", "set", "delete", "limit", "expire", "describe",
	// "take", "ticket", "hold", "settle", "release" or "extend".
	Op       string
	Counter  string // empty means DefaultCounter
	N        int64
	If       string // empty for always, "absent", "present", "value", "revision"; see Condition
	Terms    *Terms // see Request; of "describe", Hold is where the list of holds goes on
	Holds    int    // of "describe", how many holds to tell at most; 0 to 1000
	Identity string // an idempotency key, empty for none

	Session, Number, Lowest uint64 // see Identity
}

// RPCLimits is the argument of Limitar: a bound that is not set is taken from the
// counter.
type RPCLimits struct {
	Counter        string
	Floor, Ceiling Bound
	Total          bool // see Terms
	Identity       string

	Session, Number, Lowest uint64
}

// RPCExpiry is the argument of Expirar. Its Kind must be given.
type RPCExpiry struct {
	Counter  string
	Expiry   Expiry
	Identity string

	Session, Number, Lowest uint64
}

// RPCTransfer is the argument of Transferir, which moves N, at least 1, from one
// counter to another one, all or none. The first one's floor is 0 unless Floor is
// set. The reply is about the first one; its Revision is 0 if that was only made.
type RPCTransfer struct {
	From, To string
	N        int64
	Floor    Bound
	Identity string

	Session, Number, Lowest uint64
}

// RPCTake is the argument of Tomar: N of what Rate allows, 0 to ask. The reply's Value
// is how much may be taken now, its Amount in how many nanoseconds all may be.
type RPCTake struct {
	Counter  string
	N        int64
	Rate     Rate
	Identity string

	Session, Number, Lowest uint64
}

// RPCTicket is the argument of GetTicket, which gives Ident the next N numbers of a
// counter, 0 meaning 1, or tells those that it has already. The reply's Value is the
// last of them and its Amount how many they are; Replayed says that they are not new.
// ResetTickets looks at Counter and the identity alone.
type RPCTicket struct {
	Counter  string
	Ident    string
	N        int64
	Identity string

	Session, Number, Lowest uint64
}

// RPCNumber is the argument of IsValid.
type RPCNumber struct {
	Counter string
	Number  int64
}

// RPCHold is the argument of Apartar, Liquidar, Soltar and Extender. The reply's Amount
// is how much is still available in the hold's direction; of Liquidar with Clamp, how
// much was added.
type RPCHold struct {
	Counter  string
	N        int64  // of Apartar how much, below 0 of what is left above the floor; of Liquidar what was used
	Hold     uint64 // the hold's id; of all but Apartar
	Expiry   Expiry // of Apartar and Extender
	Clamp    bool   // of Liquidar: add as much as fits
	Identity string

	Session, Number, Lowest uint64
}

// RPCReply is the reply of Apply and the others.
type RPCReply struct {
	Value    int64
	Revision uint64
	Replayed bool   // see Result
	Amount   int64  // see Result
	Terms    *Terms // of "describe", the counter's
}

// RPCList is the argument of List; see [Operator].
type RPCList struct {
	Prefix string
	Cursor uint64
	Limit  int // 1 to 1000
}

// RPCListed is the reply of List.
type RPCListed struct {
	Counters []Counter
	Cursor   uint64 // 0 at the end
}
