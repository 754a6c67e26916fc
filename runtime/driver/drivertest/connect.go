package drivertest

import (
	"errors"
	"net"
	goruntime "runtime"
	"syscall"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

var connectTests = []test{
	{name: "connect/connects", stream: testConnect},
	{name: "connect/refused", stream: testConnectRefused},
	{name: "connect/unreachable", once: testConnectUnreachable},
	{name: "connect/local", once: testConnectLocal},
	{name: "connect/control", once: testConnectControl},
	{name: "connect/cancel", once: testConnectCancel},
}

func testConnect(h *harness, k kind) {
	ln := listenPeer(h.t, k)
	s := h.connect(ln.Addr()).wait().socket()
	conn, err := ln.Accept()
	require.NoError(h.t, err)
	p := newPeer(h.t, conn)
	require.Equal(h.t, ln.Addr().String(), h.RemoteAddr(s).String())
	if k.isTCP() {
		require.Equal(h.t, p.RemoteAddr().String(), h.LocalAddr(s).String())
	}
	h.send(s, data(0, 1000)).wait()
	require.NoError(h.t, readStream(p, 0, 1000))
	h.close(s)
	require.NoError(h.t, readEOF(p))
	require.Nil(h.t, h.LocalAddr(driver.NoSocket))
	require.Nil(h.t, h.RemoteAddr(driver.NoSocket))
}

func testConnectRefused(h *harness, k kind) {
	ln := listenPeer(h.t, k)
	ln.Close()
	want := syscall.ECONNREFUSED
	if !k.isTCP() {
		want = syscall.ENOENT // package net removes the path
	}
	for range 3 {
		c := h.connect(ln.Addr()).wait()
		require.Equal(h.t, want, c.err)
		require.Empty(h.t, c.sockets)
	}
}

// testConnectUnreachable: there is no connection to everybody.
func testConnectUnreachable(h *harness) {
	c := h.connect(&net.TCPAddr{IP: net.IPv4bcast, Port: 9}).wait()
	require.Error(h.t, c.err)
	if goruntime.GOOS == "linux" {
		require.Equal(h.t, syscall.ENETUNREACH, c.err)
	}
}

func testConnectLocal(h *harness) {
	ln := listenPeer(h.t, tcp4)
	free := listenPeer(h.t, tcp4)
	local := free.Addr().(*net.TCPAddr)
	free.Close()
	c := h.call(driver.Connect, driver.NoSocket)
	c.ext.Local, c.ext.Remote = local, ln.Addr()
	s := c.submit().wait().socket()
	conn, err := ln.Accept()
	require.NoError(h.t, err)
	require.Equal(h.t, local.String(), newPeer(h.t, conn).RemoteAddr().String())
	require.Equal(h.t, local.String(), h.LocalAddr(s).String())
}

func testConnectControl(h *harness) {
	ln := listenPeer(h.t, tcp4)
	c := h.call(driver.Connect, driver.NoSocket)
	c.ext.Remote = ln.Addr()
	called := make(chan uintptr, 1) // the portable engine calls it elsewhere
	c.ext.Control = func(fd uintptr) error { called <- fd; return nil }
	c.submit().wait().socket()
	require.NotZero(h.t, <-called)

	failure := errors.New("control says no")
	c.ext.Control = func(uintptr) error { return failure }
	c.submit().wait()
	require.ErrorIs(h.t, c.err, failure)
	require.Empty(h.t, c.sockets)
}

// testConnectCancel has connects that can not go on, as the backlog is full.
func testConnectCancel(h *harness) {
	addr := fullListener(h.t)
	var calls []*call
	for range 8 {
		calls = append(calls, h.connect(addr))
	}
	h.settle()
	canceled := 0
	for _, c := range calls {
		if c.cancel().err == nil {
			h.close(c.socket())
			continue
		}
		require.Equal(h.t, driver.ErrCanceled, c.err)
		require.Empty(h.t, c.sockets)
		canceled++
	}
	require.NotZero(h.t, canceled, "no connect waited")
}
