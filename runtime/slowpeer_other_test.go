//go:build !linux

package runtime_test

import "syscall"

// smallWindow is for Linux's loopback.
var smallWindow func(network, address string, raw syscall.RawConn) error
