package stdnet

import (
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// SyscallConn returns the raw socket. Its Control works wherever the socket is; its
// Read and Write take the socket to Go's netpoller for good, with what the kernel
// has. A datagram that the loop has received and nobody has read is lost then, as
// the network loses one.
func (c *UDPConn) SyscallConn() (syscall.RawConn, error) { return rawPacket{c}, nil }

type rawPacket struct{ c *UDPConn }

// Control implements syscall.RawConn.
func (r rawPacket) Control(f func(fd uintptr)) error {
	for {
		std, ring := r.c.where()
		if std != nil {
			raw, err := std.SyscallConn()
			if err == nil {
				err = raw.Control(f)
			}
			return err
		}
		fd, err := ring.duplicate()
		if err == errMove {
			continue
		}
		if err != nil {
			return r.c.setErr(err)
		}
		defer closeDescriptor(fd)
		f(uintptr(fd)) // not on the loop, which it may want to call
		return nil
	}
}

// Read implements syscall.RawConn.
func (r rawPacket) Read(f func(fd uintptr) (done bool)) error {
	return r.settled(func(raw syscall.RawConn) error { return raw.Read(f) })
}

// Write implements syscall.RawConn.
func (r rawPacket) Write(f func(fd uintptr) (done bool)) error {
	return r.settled(func(raw syscall.RawConn) error { return raw.Write(f) })
}

func (r rawPacket) settled(f func(syscall.RawConn) error) error {
	std, err := r.c.settle()
	if err != nil {
		return r.c.setErr(err)
	}
	raw, err := std.SyscallConn()
	if err != nil {
		return err
	}
	return f(raw)
}

// duplicate duplicates the descriptor.
func (r *packetRing) duplicate() (fd int, err error) {
	var failed error
	err = r.control(func(old uintptr) { fd, failed = duplicateDescriptor(old) })
	if err == nil {
		err = failed
	}
	return fd, err
}

// control calls f on the loop, or tells why not.
func (r *packetRing) control(f func(fd uintptr)) error {
	r.mu.Lock()
	err := r.state(&packetDeadline{})
	r.mu.Unlock()
	if err != nil {
		return err
	}
	if called := r.loop.Call(func() { err = r.pc.Control(f) }); called != nil {
		return net.ErrClosed
	}
	return err
}

// settle takes the socket to the netpoller for good.
func (c *UDPConn) settle() (*net.UDPConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.std != nil {
		return c.std, nil
	}
	r := c.ring
	var pc net.PacketConn
	var failed error
	err := r.control(func(fd uintptr) { pc, failed = packetTwin(fd) })
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	u, ok := pc.(*net.UDPConn)
	if !ok {
		pc.Close()
		return nil, errors.ErrUnsupported
	}
	r.mu.Lock()
	_ = u.SetReadDeadline(r.readAt.at.time())
	_ = u.SetWriteDeadline(r.writeAt.at.time())
	r.moved = true
	r.shut()
	r.mu.Unlock()
	if r.loop.Post(func() { r.Run(nil); r.pc.Close() }) == nil {
		<-r.gone // nothing is received there any more
	}
	c.std, c.ring = u, nil
	return u, nil
}

// packetTwin makes a socket of package net for a descriptor that stays what it is.
func packetTwin(fd uintptr) (net.PacketConn, error) {
	n, err := duplicateDescriptor(fd)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(n), "udp")
	defer f.Close()
	return net.FilePacketConn(f)
}

// SetReadBuffer sets the size of the kernel's receive queue in bytes.
func (c *UDPConn) SetReadBuffer(bytes int) error {
	return c.buffer((*net.UDPConn).SetReadBuffer, value{driver.ReadBuffer, bytes})
}

// SetWriteBuffer sets the size of the kernel's send queue in bytes.
func (c *UDPConn) SetWriteBuffer(bytes int) error {
	return c.buffer((*net.UDPConn).SetWriteBuffer, value{driver.WriteBuffer, bytes})
}

func (c *UDPConn) buffer(set func(*net.UDPConn, int) error, v value) error {
	for {
		std, ring := c.where()
		if std != nil {
			return set(std, v.value)
		}
		err := ring.control(func(uintptr) {})
		if err == nil {
			called := ring.loop.Call(func() { err = ring.pc.SetOption(v.option, v.value) })
			err = errors.Join(called, err)
		}
		if err != errMove {
			return c.setErr(system("setsockopt", err))
		}
	}
}

// File returns a copy of the socket as a file. The caller closes it. It takes the
// socket to Go's netpoller for good, as SyscallConn's Read and Write do.
func (c *UDPConn) File() (*os.File, error) {
	std, err := c.settle()
	if err != nil {
		return nil, c.opErr("file", err)
	}
	return std.File()
}

// Stats returns the counters of the socket while it is on a loop; else they are
// zero, as the kernel's own are package net's business.
func (c *UDPConn) Stats() (s runtime.PacketStats) {
	if _, ring := c.where(); ring != nil {
		_ = ring.loop.Call(func() { s = ring.pc.Stats() })
	}
	return s
}
