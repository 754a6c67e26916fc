//go:build unix

package portable

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

// TestKeepAliveStays: times and counts leave keep-alive as it is, whoever turned it on
// or off.
func TestKeepAliveStays(t *testing.T) {
	e := open(t)
	near, _ := pair(t) // package net turns it on
	s, err := e.Attach(near)
	require.NoError(t, err)
	option := func(f func(fd int) error) {
		require.NoError(t, e.Control(s, func(fd uintptr) { require.NoError(t, f(int(fd))) }))
	}
	for _, on := range []bool{true, false, true} {
		for _, opt := range []driver.Option{
			driver.KeepAliveIdle, driver.KeepAliveInterval, driver.KeepAliveCount,
		} {
			require.NoError(t, e.SetOption(s, opt, 60))
			option(func(fd int) error {
				got, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
				require.Equal(t, on, got != 0)
				return err
			})
		}
		option(func(fd int) error {
			other := 1
			if on {
				other = 0
			}
			return syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, other)
		})
	}
}
