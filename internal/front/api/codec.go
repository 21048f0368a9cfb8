package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The codecs differ from connect-go's own in what they do not pass over: fields
// that are not known. A change whose condition or identity was not understood
// must not be carried out as one that has none.

// binaryCodec is the binary form of messages.
type binaryCodec struct{}

// Name implements connect.Codec.
func (binaryCodec) Name() string { return "proto" }

// Marshal implements connect.Codec.
func (binaryCodec) Marshal(message any) ([]byte, error) {
	m, err := asProto(message)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(m)
}

// Unmarshal implements connect.Codec.
func (binaryCodec) Unmarshal(data []byte, message any) error {
	m, err := asProto(message)
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(data, m); err != nil {
		return err
	}
	if hasUnknown(m.ProtoReflect()) {
		return errors.New("a field that is not known here")
	}
	return nil
}

// hasUnknown looks for fields that are not known, in messages within m too.
func hasUnknown(m protoreflect.Message) bool {
	if len(m.GetUnknown()) > 0 {
		return true
	}
	found := false
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.Message() == nil:
		case field.IsList():
			for i := 0; i < v.List().Len() && !found; i++ {
				found = hasUnknown(v.List().Get(i).Message())
			}
		default:
			found = hasUnknown(v.Message())
		}
		return !found
	})
	return found
}

// jsonCodec is the JSON form of messages. It writes zeros too, so that a counter
// at 0 has a value.
type jsonCodec struct{ name string }

// Name implements connect.Codec.
func (c jsonCodec) Name() string { return c.name }

// Marshal implements connect.Codec.
func (jsonCodec) Marshal(message any) ([]byte, error) {
	m, err := asProto(message)
	if err != nil {
		return nil, err
	}
	return encodeJSON(protojson.MarshalOptions{EmitDefaultValues: true}, m)
}

// Unmarshal implements connect.Codec.
func (jsonCodec) Unmarshal(data []byte, message any) error {
	m, err := asProto(message)
	if err != nil {
		return err
	}
	return decodeJSON(data, m)
}

// maxDepth is how deep JSON may be nested, far more than any message is.
const maxDepth = 16

func decodeJSON(data []byte, m proto.Message) error {
	err := protojson.UnmarshalOptions{RecursionLimit: maxDepth}.Unmarshal(data, m)
	if err == nil {
		return nil
	}
	// The library's messages are not to be relied on, and contain spaces that vary.
	said := strings.ReplaceAll(err.Error(), "\u00a0", " ")
	return errors.New(strings.TrimPrefix(said, "proto: "))
}

// encodeJSON writes m without the white space that protojson strews in at random.
func encodeJSON(options protojson.MarshalOptions, m proto.Message) ([]byte, error) {
	loose, err := options.Marshal(m)
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, loose); err != nil {
		return nil, err
	}
	return compact.Bytes(), nil
}

func asProto(message any) (proto.Message, error) {
	m, ok := message.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no message", message)
	}
	return m, nil
}
