package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// told is the one table from refusals to protocols. 503 and unavailable are for
// what was surely not applied: clients repeat it by themselves.
var told = [cuenta.NumCodes]struct {
	status int          // HTTP, for the routes
	code   connect.Code // of gRPC, gRPC-Web and Connect; 0 is none
}{
	cuenta.OK:          {http.StatusOK, 0},
	cuenta.Syntax:      {http.StatusBadRequest, connect.CodeInvalidArgument},
	cuenta.TooLarge:    {http.StatusRequestEntityTooLarge, connect.CodeInvalidArgument},
	cuenta.Unsupported: {http.StatusNotImplemented, connect.CodeUnimplemented},
	cuenta.Overflow:    {http.StatusConflict, connect.CodeOutOfRange},
	cuenta.Unmet:       {http.StatusPreconditionFailed, connect.CodeFailedPrecondition},
	cuenta.Busy:        {http.StatusServiceUnavailable, connect.CodeUnavailable},
	cuenta.Full:        {http.StatusServiceUnavailable, connect.CodeResourceExhausted}, // not for long, but no matter of milliseconds
	cuenta.TooMany:     {http.StatusInsufficientStorage, connect.CodeResourceExhausted},
	cuenta.Canceled:    {http.StatusServiceUnavailable, connect.CodeCanceled},
	cuenta.Stopping:    {http.StatusServiceUnavailable, connect.CodeUnavailable},
	cuenta.Failed:      {http.StatusInternalServerError, connect.CodeInternal},
	cuenta.Unknown:     {http.StatusInternalServerError, connect.CodeUnknown},
	cuenta.Forbidden:   {http.StatusForbidden, connect.CodePermissionDenied},
	cuenta.NotFound:    {http.StatusNotFound, connect.CodeNotFound},
	cuenta.Conflict:    {http.StatusUnprocessableEntity, connect.CodeAlreadyExists}, // 422 as the draft of the Idempotency-Key header has it
	cuenta.TooOld:      {http.StatusGone, connect.CodeFailedPrecondition},
	cuenta.TooNew:      {http.StatusBadRequest, connect.CodeInvalidArgument},
	cuenta.NoSession:   {http.StatusNotFound, connect.CodeNotFound},
	cuenta.Absent:      {http.StatusNotFound, connect.CodeNotFound},
	cuenta.Limited:     {http.StatusConflict, connect.CodeOutOfRange},
	cuenta.Past:        {http.StatusBadRequest, connect.CodeInvalidArgument},
	cuenta.Throttled:   {http.StatusTooManyRequests, connect.CodeResourceExhausted}, // of Take itself an answer, see TakeResponse
	cuenta.NoHold:      {http.StatusNotFound, connect.CodeNotFound},
	cuenta.Aborted:     {http.StatusFailedDependency, connect.CodeFailedPrecondition}, // not CodeAborted, which asks to try again
}

var fates = [...]string{
	cuenta.Applied:     "applied",
	cuenta.NotApplied:  "not-applied",
	cuenta.FateUnknown: "unknown",
}

// refusal is why a call failed. All errors of the calls are refusals.
type refusal struct {
	code   cuenta.Code
	info   *cuentav1.ErrorInfo
	batch  *cuentav1.BatchResponse // what came of each operation of an atomic batch
	status int                     // HTTP, if the table's does not fit
	header map[string]string       // besides, at the routes
}

func (r *refusal) Error() string { return r.info.Code + ": " + r.info.Text }

// refuse returns a refusal that the service was not asked about.
func refuse(code cuenta.Code, format string, a ...any) *refusal {
	return &refusal{code: code, info: &cuentav1.ErrorInfo{
		Code: code.String(),
		Fate: fates[code.Fate()],
		Text: strings.ToValidUTF8(fmt.Sprintf(format, a...), "?"),
	}}
}

// refusedResult returns the refusal that a result is, of a request if it is known.
func refusedResult(of *cuenta.Request, result *cuenta.Result) *refusal {
	return &refusal{code: result.Code, info: infoOf(of, result)}
}

// refusedError returns the refusal for an error of the operator.
func refusedError(err error) *refusal {
	if e, ok := errors.AsType[*cuenta.Error](err); ok {
		return refuse(e.Code, "%s", e.Text)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return refuse(cuenta.Canceled, "%s", cuenta.Canceled.Text())
	}
	return refuse(cuenta.Failed, "%s", err)
}

// coded gives the errors of calls their form in gRPC, gRPC-Web and Connect.
func coded(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		response, err := next(ctx, request)
		if refused, ok := errors.AsType[*refusal](err); ok {
			callerOf(ctx).refused = true
			return nil, connectError(ctx, refused)
		}
		return response, err
	}
}

func connectError(ctx context.Context, r *refusal) *connect.Error {
	code := told[r.code].code
	if r.code == cuenta.Canceled && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		code = connect.CodeDeadlineExceeded
	}
	e := connect.NewError(code, r)
	if r.batch != nil {
		addDetail(e, r.batch)
	}
	addDetail(e, r.info)
	return e
}

func addDetail(e *connect.Error, m proto.Message) {
	detail, err := connect.NewErrorDetail(m)
	if err != nil {
		panic("api: a detail cannot be encoded: " + err.Error())
	}
	e.AddDetail(detail)
}
