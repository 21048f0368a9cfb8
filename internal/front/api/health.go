package api

import (
	"context"
	"fmt"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/proto/cuenta/v1/cuentav1connect"
)

// health answers grpc.health.v1: whether changes are carried out. A full disk is no
// matter of health, for it passes by itself once there is room.
type health struct{ calls *calls }

// Check implements [grpchealth.Checker].
func (h health) Check(ctx context.Context, asked *grpchealth.CheckRequest) (*grpchealth.CheckResponse, error) {
	if asked.Service != "" && asked.Service != cuentav1connect.CounterServiceName {
		return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("no service %.100q", asked.Service))
	}
	// A run of no operations goes the way of every change, and changes nothing.
	result := &h.calls.do(ctx, cuenta.Request{Op: cuenta.All})[0]
	status := grpchealth.StatusServing
	switch result.Code {
	case cuenta.Failed, cuenta.Unknown, cuenta.Stopping:
		status = grpchealth.StatusNotServing
	case cuenta.Canceled:
		return nil, connectError(ctx, refusedResult(nil, result))
	}
	return &grpchealth.CheckResponse{Status: status}, nil
}
