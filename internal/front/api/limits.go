package api

import (
	"bytes"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// infoOf is the refusal that a result is, of a request if it is known.
func infoOf(of *cuenta.Request, result *cuenta.Result) *cuentav1.ErrorInfo {
	info := &cuentav1.ErrorInfo{
		Code:     result.Code.String(),
		Fate:     fates[result.Code.Fate()],
		Text:     result.Text(),
		Value:    result.Value,
		Revision: result.Revision,
		Replayed: result.Replayed,
	}
	switch {
	case result.Code == cuenta.Limited, result.Code == cuenta.Overflow && result.Amount != 0:
		info.Room = &result.Amount
		if of != nil {
			tellLimit(info, of, result)
		}
	case result.Code == cuenta.Throttled && result.Amount >= 0:
		info.RetryAfter = durationpb.New(time.Duration(result.Amount))
	}
	return info
}

// tellLimit says which limit a request would have passed, and whose it is.
func tellLimit(info *cuentav1.ErrorInfo, of *cuenta.Request, result *cuenta.Result) {
	bound := "floor"
	if result.PassesCeiling(of) {
		bound = "ceiling"
	}
	info.Bound = &bound
	if result.Code != cuenta.Limited || result.Replayed && result.Level == 0 && result.Revision == 0 {
		return // remembered by a version that did not remember whose limit it was, perhaps
	}
	name := of.Counter
	if len(name) == 0 {
		name = []byte(cuenta.DefaultCounter)
	}
	if result.Level > 0 {
		level := uint32(result.Level)
		info.Level = &level
	}
	for range result.Level {
		name = name[:max(0, bytes.LastIndexByte(name, '/'))]
	}
	counter := string(name)
	info.Counter = &counter
}
