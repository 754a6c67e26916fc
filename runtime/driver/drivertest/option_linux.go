//go:build linux

package drivertest

import (
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

var optionNames = map[driver.Option][2]int{
	driver.NoDelay:           {unix.IPPROTO_TCP, unix.TCP_NODELAY},
	driver.KeepAlive:         {unix.SOL_SOCKET, unix.SO_KEEPALIVE},
	driver.KeepAliveIdle:     {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE},
	driver.KeepAliveInterval: {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL},
	driver.KeepAliveCount:    {unix.IPPROTO_TCP, unix.TCP_KEEPCNT},
	driver.ReadBuffer:        {unix.SOL_SOCKET, unix.SO_RCVBUF},
	driver.WriteBuffer:       {unix.SOL_SOCKET, unix.SO_SNDBUF},
}

// checkOption asks the kernel what it has.
func checkOption(h *harness, s driver.Socket, opt driver.Option, value int) {
	h.t.Helper()
	err := h.Control(s, func(fd uintptr) {
		if opt == driver.Linger {
			l, err := unix.GetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER)
			require.NoError(h.t, err)
			require.Equal(h.t, value >= 0, l.Onoff != 0)
			require.True(h.t, value < 0 || int(l.Linger) == value)
			return
		}
		name := optionNames[opt]
		got, err := unix.GetsockoptInt(int(fd), name[0], name[1])
		require.NoError(h.t, err)
		if opt == driver.ReadBuffer || opt == driver.WriteBuffer {
			value *= 2 // the kernel adds room for its own records
		}
		require.Equal(h.t, value, got, "option %d", opt)
	})
	require.NoError(h.t, err)
}
