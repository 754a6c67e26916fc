//go:build linux

package uring

import (
	"net"
	"net/netip"
	"time"

	"github.com/headrace/headrace/runtime/driver/sock"
)

// zeroCopy says whether sends on a socket may leave out the copy.
type zeroCopy uint8

const (
	zeroCopyUnknown zeroCopy = iota
	zeroCopyOn
	zeroCopyOff // the route copies anyway, or the kernel said no
)

const (
	// zeroCopyMin is the least that pays for a notification.
	zeroCopyMin = 32 << 10
	// routeMemory is how long a route that copies is remembered, which may change, and
	// maxRoutes how many are.
	routeMemory = 10 * time.Minute
	maxRoutes   = 1 << 10
)

// routes are the peers' addresses on the way to which the kernel copied, and until
// when that counts.
type routes map[netip.Addr]time.Time

// useZeroCopy decides for one send. Unix sockets can not, and over loopback the
// kernel copies later what it did not copy at first.
func (e *engine) useZeroCopy(s *slot) bool {
	if !e.feats.sendZC || s.op.Chain.Len() < zeroCopyMin {
		return false
	}
	k := &e.socks[s.fd]
	if k.zeroCopy == zeroCopyUnknown {
		k.zeroCopy = zeroCopyOff
		if remote, leaves := leavesHost(int(s.fd)); leaves && !e.copied.known(remote, time.Now()) {
			k.zeroCopy = zeroCopyOn
		}
	}
	return k.zeroCopy == zeroCopyOn
}

// routeCopies notes what a notification said: sends to this socket's peer are copied
// after all, also those of other sockets.
func (e *engine) routeCopies(fd int32) {
	e.socks[fd].zeroCopy = zeroCopyOff
	if remote, ok := sock.RemoteAddr(int(fd)).(*net.TCPAddr); ok {
		e.copied.add(remote.AddrPort().Addr().Unmap(), time.Now())
	}
}

func (r *routes) add(to netip.Addr, now time.Time) {
	if *r == nil || len(*r) >= maxRoutes {
		*r = routes{} // those that matter come back
	}
	(*r)[to] = now.Add(routeMemory)
}

func (r routes) known(to netip.Addr, now time.Time) bool {
	until, ok := r[to]
	if ok && now.After(until) {
		delete(r, to)
		return false
	}
	return ok
}

// leavesHost tells whether the peer of a TCP socket seems to be another machine, and
// which.
func leavesHost(fd int) (remote netip.Addr, leaves bool) {
	to, ok := sock.RemoteAddr(fd).(*net.TCPAddr)
	if !ok || to.IP.IsLoopback() {
		return remote, false
	}
	from, ok := sock.LocalAddr(fd).(*net.TCPAddr)
	return to.AddrPort().Addr().Unmap(), ok && !from.IP.Equal(to.IP)
}
