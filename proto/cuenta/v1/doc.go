// Package cuentav1 is the API's messages, generated from the .proto files, which
// say what they mean. Package cuentav1connect beside it is the service: a client
// and what a server has to implement.
//
// After a change of them:
//
//	go generate ./proto/...
package cuentav1

//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate --template ../../buf.gen.yaml --output ../.. ../..
