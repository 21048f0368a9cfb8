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
type health struct {
	calls *calls
	pulse *pulse
}

func newHealth(c *calls) health {
	h := health{calls: c}
	h.pulse = &pulse{feel: h.status, every: pulseEvery}
	return h
}

// Check implements [grpchealth.Checker].
func (h health) Check(ctx context.Context, asked *grpchealth.CheckRequest) (*grpchealth.CheckResponse, error) {
	if err := known(asked); err != nil {
		return nil, err
	}
	status, err := h.status(ctx)
	if err != nil {
		return nil, err
	}
	return &grpchealth.CheckResponse{Status: status}, nil
}

// Watch implements [grpchealth.Watcher].
func (h health) Watch(_ context.Context, asked *grpchealth.CheckRequest, changed func()) (stop func(), err error) {
	if err := known(asked); err != nil {
		return nil, err
	}
	return h.pulse.add(changed), nil
}

func (h health) status(ctx context.Context) (grpchealth.Status, error) {
	// A run of no operations goes the way of every change, and changes nothing.
	result := &h.calls.do(ctx, cuenta.Request{Op: cuenta.All})[0]
	switch result.Code {
	case cuenta.Failed, cuenta.Unknown, cuenta.Stopping:
		return grpchealth.StatusNotServing, nil
	case cuenta.Canceled:
		return grpchealth.StatusUnknown, connectError(ctx, refusedResult(nil, result))
	}
	return grpchealth.StatusServing, nil
}

// known refuses services that are none.
func known(asked *grpchealth.CheckRequest) error {
	if asked.Service != "" && asked.Service != cuentav1connect.CounterServiceName {
		return connect.NewError(connect.CodeNotFound, fmt.Errorf("no service %.100q", asked.Service))
	}
	return nil
}
