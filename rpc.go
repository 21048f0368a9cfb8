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
//	Outcome        (RPCRequest) RPCReply   what became of the request with its identity
//	OpenSession    (int64) uint64          the argument is ignored
//	List           (RPCList) RPCListed
//	Fronts         (int64) []ServiceStatus
//
// Inc to Balance act on [DefaultCounter]. Errors have the text form of
// [Error].
const RPCService = "Cuenta"

// RPCRequest is the argument of Apply.
type RPCRequest struct {
	Op       string // "get", "add", "reset", "set", "delete", "limit", "expire", "describe"
	Counter  string // empty means DefaultCounter
	N        int64
	If       string // empty for always, "absent", "present", "value", "revision"; see Condition
	Terms    *Terms // see Request
	Identity string // an idempotency key, empty for none

	Session, Number, Lowest uint64 // see Identity
}

// RPCLimits is the argument of Limitar: a bound that is not set is taken from the
// counter.
type RPCLimits struct {
	Counter        string
	Floor, Ceiling Bound
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
