package cuenta

// The net/rpc service, under the name [RPCService] at net/rpc's standard HTTP
// path, so that rpc.DialHTTP works:
//
//	Inc, Dec       (int64) int64     add and subtract; negative amounts as in Redis' INCRBY; 0 reads
//	Reset, Get     (int64) int64     the argument is ignored
//	Info, InfoJSON (int64) string    the argument is ignored
//	Services       (string) string   one line per front; the argument is ignored
//	Start, Stop    (string) string   the argument names the front
//	Apply          (RPCRequest) RPCReply
//	Outcome        (RPCRequest) RPCReply   what became of the request with its identity
//	OpenSession    (int64) uint64          the argument is ignored
//	List           (RPCList) RPCListed
//	Fronts         (int64) []ServiceStatus
//
// The first five rows act on [DefaultCounter]. Errors have the text form of
// [Error].
const RPCService = "Cuenta"

// RPCRequest is the argument of Apply.
type RPCRequest struct {
	Op       string // "get", "add", "reset", "set", "delete"
	Counter  string // empty means DefaultCounter
	N        int64
	Identity string // an idempotency key, empty for none

	Session, Number, Lowest uint64 // see Identity
}

// RPCReply is the reply of Apply.
type RPCReply struct {
	Value    int64
	Revision uint64
	Replayed bool // see Result
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
