//go:build linux

package load

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// churnProto opens a connection, says one message, takes the answer and closes; again and again.
type churnProto struct {
	size  int
	count uint32
}

func (p *churnProto) begin(w *worker, c *conn) error {
	fd, err := newSocket(unix.SOCK_NONBLOCK)
	if err != nil {
		return err
	}
	c.fd = fd
	if err := p.bindSource(fd); err != nil {
		return err
	}
	w.ask(c, nanotime())
	if err := unix.Connect(fd, w.to); err != nil && err != unix.EINPROGRESS {
		return fmt.Errorf("load: connect: %w", err)
	}
	if err := watch(w.ep, fd, c.id); err != nil {
		return err
	}
	c.sent, c.got, c.need = 0, 0, p.size
	// Over loopback the handshake is over by now, as a rule. If not, EPOLLOUT sends it.
	return w.write(c, w.pat.at(0, p.size))
}

// bindSource goes round many loopback addresses, so that ports in TIME_WAIT never run out.
func (p *churnProto) bindSource(fd int) error {
	p.count++
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return fmt.Errorf("load: IP_BIND_ADDRESS_NO_PORT: %w", err)
	}
	from := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + p.count%250)}}
	if err := unix.Bind(fd, from); err != nil {
		return fmt.Errorf("load: bind: %w", err)
	}
	return nil
}

func (p *churnProto) readable(w *worker, c *conn) error {
	for {
		n, errno := recv(c.fd, w.scratch[:min(c.need, len(w.scratch))])
		switch {
		case errno == unix.EAGAIN:
			return nil
		case errno == unix.EINTR:
			continue
		case errno != 0:
			return fmt.Errorf("load: recv: %w", errno)
		case n == 0:
			return io.ErrUnexpectedEOF
		}
		if err := w.check(c, w.scratch[:n]); err != nil {
			return err
		}
		if c.need -= n; c.need > 0 {
			continue
		}
		unix.Close(c.fd)
		c.fd = -1
		w.done(c, nanotime(), 1)
		if w.draining {
			return nil
		}
		return p.begin(w, c)
	}
}

func (p *churnProto) tick(*worker, int64) int { return pollMs }
