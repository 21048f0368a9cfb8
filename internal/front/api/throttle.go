package api

import (
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// take is the route of Take. Unlike over RPC, what is too much is a refusal: 429, which
// clients and proxies understand. Either way the fields RateLimit and RateLimit-Policy
// tell how it stands (draft-ietf-httpapi-ratelimit-headers-10).
func (a *API) take(q *ask) (reply, *refusal) {
	m := &cuentav1.TakeRequest{}
	refused := q.readFor(m, &m.Counter, "amount")
	if refused == nil {
		m.Amount, refused = q.override("amount", m.Amount)
	}
	if refused != nil {
		return reply{}, refused
	}
	response, err := a.calls.Take(q.ctx, m)
	if err != nil {
		return reply{}, asRefusal(err)
	}
	header := rateFields(m.GetRate(), response)
	if !response.GetAllowed() {
		refused = throttled(response)
		refused.header = header
		return reply{}, refused
	}
	answer, refused := answered(response, nil)
	answer.header = header
	return answer, refused
}

// throttled is the refusal that the answer to a Take is.
func throttled(m *cuentav1.TakeResponse) *refusal {
	result := cuenta.Result{Code: cuenta.Throttled, Replayed: m.GetReplayed(), Value: m.GetRemaining(), Amount: -1}
	if after := m.GetRetryAfter(); after != nil {
		result.Amount = int64(after.AsDuration())
	}
	return refusedResult(nil, &result)
}

// rateFields returns the fields that tell how a rate stands.
func rateFields(rate *cuentav1.Rate, m *cuentav1.TakeResponse) map[string]string {
	policy := map[cuentav1.RateKind]string{
		cuentav1.RateKind_RATE_KIND_FIXED: `"fixed"`, cuentav1.RateKind_RATE_KIND_SLIDING: `"sliding"`, cuentav1.RateKind_RATE_KIND_STEADY: `"steady"`,
	}[rate.GetKind()]
	window := ""
	if period := rate.GetPeriod(); period.GetNanos() == 0 { // it can only tell whole seconds
		window = fmt.Sprintf(";w=%d", period.GetSeconds())
	}
	fields := map[string]string{"RateLimit-Policy": fmt.Sprintf("%s;q=%d%s", policy, fieldInteger(rate.GetLimit()), window)}
	now := fmt.Sprintf("%s;r=%d", policy, fieldInteger(m.GetRemaining()))
	if until := m.GetResetAfter(); until != nil {
		now += ";t=" + wholeSeconds(until)
	}
	if until := m.GetRetryAfter(); until != nil {
		now += ";t=" + wholeSeconds(until)
		fields["Retry-After"] = wholeSeconds(until)
	}
	fields["RateLimit"] = now
	return fields
}

// wholeSeconds is a time rounded up.
func wholeSeconds(d *durationpb.Duration) string {
	whole := d.AsDuration()
	seconds := int64(whole / time.Second)
	if whole%time.Second > 0 {
		seconds++
	}
	return strconv.FormatInt(seconds, 10)
}

// fieldInteger is a number as far as a structured field can say it (RFC 9651, section
// 3.3.1).
func fieldInteger(n int64) int64 { return min(n, 999_999_999_999_999) }
