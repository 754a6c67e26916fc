package drivertest

import (
	"errors"
	"net"
	"syscall"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

var optionTests = []test{
	{name: "option/tcp", once: testOptions},
	{name: "option/of a listener", once: testOptionsOfListener},
	{name: "option/closed socket", once: testOptionsClosed},
	{name: "listen/address in use", once: testListenInUse},
	{name: "listen/control", once: testListenControl},
	{name: "listen/reuse port", once: testReusePort},
	{name: "listen/any address", once: testListenAny},
	{name: "listen/unknown network", once: testListenUnknown},
}

// options are values that systems keep as they are.
var options = []struct {
	name  string
	opt   driver.Option
	value int
}{
	{"NoDelay", driver.NoDelay, 1},
	{"NoDelay", driver.NoDelay, 0},
	{"KeepAlive", driver.KeepAlive, 1},
	{"KeepAliveIdle", driver.KeepAliveIdle, 77},
	{"KeepAliveInterval", driver.KeepAliveInterval, 11},
	{"KeepAliveCount", driver.KeepAliveCount, 5},
	{"KeepAlive", driver.KeepAlive, 0},
	{"Linger", driver.Linger, 3},
	{"Linger", driver.Linger, -1},
	{"ReadBuffer", driver.ReadBuffer, 64 << 10},
	{"WriteBuffer", driver.WriteBuffer, 64 << 10},
}

func testOptions(h *harness) {
	connected, _ := h.pair(tcp4)
	accepted, _ := h.accepted(tcp4)
	for _, s := range []driver.Socket{connected, accepted} {
		for _, o := range options {
			require.NoError(h.t, h.SetOption(s, o.opt, o.value), o.name)
			checkOption(h, s, o.opt, o.value)
		}
	}
	require.Error(h.t, h.SetOption(connected, 255, 0))
}

// testOptionsOfListener: the connections that it accepts have what it was given last.
func testOptionsOfListener(h *harness) {
	ln, addr := h.listen(tcp4)
	last := map[driver.Option]int{}
	for _, o := range options {
		require.NoError(h.t, h.SetOption(ln, o.opt, o.value), o.name)
		last[o.opt] = o.value
	}
	require.NoError(h.t, h.SetOption(ln, driver.KeepAlive, 1))
	last[driver.KeepAlive] = 1
	require.Error(h.t, h.SetOption(ln, 255, 0))
	a := h.accept(ln)
	for n := range 2 {
		h.dial(addr)
		h.until("accept", func() bool { return len(a.sockets) > n || a.final })
		require.NoError(h.t, a.err)
		for opt, value := range last {
			checkOption(h, a.sockets[n], opt, value)
		}
	}
}

func testOptionsClosed(h *harness) {
	s, _ := h.pair(tcp4)
	h.close(s)
	for _, s := range []driver.Socket{s, driver.NoSocket, 1 << 20} {
		require.Error(h.t, h.SetOption(s, driver.NoDelay, 1))
		require.Error(h.t, h.CloseRead(s))
		require.Error(h.t, h.CloseWrite(s))
		require.Error(h.t, h.Control(s, func(uintptr) { h.t.Error("Control of no socket") }))
		_, err := h.Detach(s)
		require.Error(h.t, err)
		require.Nil(h.t, h.LocalAddr(s))
	}
}

func testListenInUse(h *harness) {
	for _, k := range kinds() {
		_, addr := h.listen(k)
		s, err := h.Listen(k.name, addr, &driver.ListenConfig{})
		require.ErrorIs(h.t, err, syscall.EADDRINUSE, k.name)
		require.Equal(h.t, driver.NoSocket, s)
	}
}

func testListenControl(h *harness) {
	addr := tcp4.addr(h.t)
	called := 0
	s, err := h.Listen("tcp4", addr, &driver.ListenConfig{
		Control: func(fd uintptr) error { called++; return nil },
	})
	require.NoError(h.t, err)
	require.Equal(h.t, 1, called)
	h.close(s)

	failure := errors.New("control says no")
	_, err = h.Listen("tcp4", addr, &driver.ListenConfig{Control: func(uintptr) error { return failure }})
	require.ErrorIs(h.t, err, failure)
}

func testReusePort(h *harness) {
	cfg := &driver.ListenConfig{ReusePort: true}
	s, err := h.Listen("tcp4", tcp4.addr(h.t), cfg)
	if !h.caps.ReusePort {
		require.ErrorIs(h.t, err, errors.ErrUnsupported)
		return
	}
	require.NoError(h.t, err)
	_, err = h.Listen("tcp4", h.LocalAddr(s), cfg)
	require.NoError(h.t, err)
}

func testListenAny(h *harness) {
	for _, network := range []string{"tcp", "tcp4", "udp4"} {
		s, err := h.Listen(network, nil, &driver.ListenConfig{})
		require.NoError(h.t, err, network)
		require.NotZero(h.t, port(h.LocalAddr(s)), network)
		h.close(s)
	}
}

func port(a net.Addr) int {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.Port
	case *net.UDPAddr:
		return a.Port
	}
	return 0
}

func testListenUnknown(h *harness) {
	_, err := h.Listen("carrier pigeon", nil, &driver.ListenConfig{})
	require.Error(h.t, err)
}
