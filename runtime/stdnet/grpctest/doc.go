// Package grpctest runs gRPC over package stdnet. It is a module of its own, so
// that gRPC is nobody's dependency.
package grpctest
