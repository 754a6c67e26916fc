//go:build !linux

package drivertest

import (
	"net"
	"testing"
)

func fullListener(t *testing.T) net.Addr {
	t.Skip("needs a listener with a short backlog")
	return nil
}
