//go:build !linux

package runtime_test

import "syscall"

// smallSegments is for the segments of Linux's loopback.
var smallSegments func(network, address string, raw syscall.RawConn) error
