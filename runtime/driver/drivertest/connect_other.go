//go:build !linux

package drivertest

import (
	"net"
)

func fullListener(t tb) net.Addr {
	t.Skip("needs a listener with a short backlog")
	return nil
}
