package stdnet

import (
	"errors"
	"net"
	"os"

	"github.com/headrace/headrace/runtime"
)

// FileListener listens on a copy of a listening socket, as net.FileListener does: one
// that was inherited, see runtime.ListenFDs. The caller closes f. Of lc's fields
// those that are for opening a socket mean nothing here.
func (lc *ListenConfig) FileListener(f *os.File) (net.Listener, error) {
	if lc.Runtime == nil {
		return nil, &net.OpError{Op: "file", Net: "file", Err: errNoRuntime}
	}
	ln, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	network := ln.Addr().Network()
	std, ok := ln.(listener)
	if !ok || !streams(network) {
		ln.Close()
		return nil, &net.OpError{Op: "file", Net: "file", Addr: ln.Addr(), Err: net.UnknownNetworkError(network)}
	}
	return &Listener{std: std, host: hostOf(lc.Runtime), network: network, mode: lc.Mode, keepAlive: lc.keepAlive()}, nil
}

// keepAlive is what accepted connections have other than package net's default.
func (lc *ListenConfig) keepAlive() *net.KeepAliveConfig {
	switch {
	case lc.KeepAliveConfig.Enable:
		all := lc.KeepAliveConfig
		return &all
	case lc.KeepAlive < 0:
		return &net.KeepAliveConfig{Idle: -1, Interval: -1, Count: -1}
	case lc.KeepAlive > 0:
		return &net.KeepAliveConfig{Enable: true, Idle: lc.KeepAlive}
	}
	return nil
}

// Files is File for runtime.HandOver. Its file's Fd, which os/exec calls, leaves the
// socket as it is, where that of File would make it block for this listener, too.
func (ln *Listener) Files() ([]*os.File, error) {
	raw, err := ln.std.SyscallConn()
	if err != nil {
		return nil, err
	}
	var f *os.File
	failed := raw.Control(func(fd uintptr) {
		var n int
		if n, err = duplicateDescriptor(fd); err == nil {
			f = os.NewFile(uintptr(n), ln.std.Addr().String())
		}
	})
	if err = errors.Join(failed, err); err != nil {
		return nil, &net.OpError{Op: "file", Net: ln.network, Addr: ln.std.Addr(), Err: err}
	}
	return []*os.File{f}, nil
}

var _ runtime.FileListener = (*Listener)(nil)
