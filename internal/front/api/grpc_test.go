package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// TestJudge has gRPC's own client say whether this is gRPC.
func TestJudge(t *testing.T) {
	s := start(t)
	conn, err := grpc.NewClient("passthrough:///"+strings.TrimPrefix(s.url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	call := func(ctx context.Context, method string, request, response proto.Message) error {
		return conn.Invoke(ctx, "/cuenta.v1.CounterService/"+method, request, response)
	}
	keyed := metadata.AppendToOutgoingContext(t.Context(), "idempotency-key", "k")
	for _, replayed := range []bool{false, true} {
		added := &cuentav1.AddResponse{}
		err := call(keyed, "Add", &cuentav1.AddRequest{Counter: "a", Amount: proto.Int64(5)}, added)
		expect(t, added, err, &cuentav1.AddResponse{Value: 5, Revision: 1, Replayed: replayed})
	}

	err = call(t.Context(), "Set", &cuentav1.SetRequest{Counter: "a", Value: proto.Int64(1), Condition: cuentav1.Condition_CONDITION_IF_ABSENT}, &cuentav1.SetResponse{})
	refused := status.Convert(err)
	if refused.Code() != codes.FailedPrecondition || refused.Message() != "unmet: the condition does not hold" || len(refused.Details()) != 1 {
		t.Fatalf("%v %v", err, refused.Details())
	}
	if info, ok := refused.Details()[0].(*cuentav1.ErrorInfo); !ok || info.GetCode() != "unmet" || info.GetValue() != 5 || info.GetRevision() != 1 {
		t.Errorf("%v", refused.Details()[0])
	}
	if err := call(t.Context(), "Steal", &cuentav1.AddRequest{}, &cuentav1.AddResponse{}); status.Code(err) != codes.Unimplemented {
		t.Error(err)
	}

	lift := s.service.Stall()
	defer lift()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := call(ctx, "Add", &cuentav1.AddRequest{}, &cuentav1.AddResponse{}); status.Code(err) != codes.DeadlineExceeded {
		t.Error(err)
	}
}
