package tlsfiber

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/fiber"
)

const (
	headerLen = 5             // of a record: type, version, length
	maxRecord = 16<<10 + 2048 // of its body, in TLS 1.2 (RFC 5246, 6.2.3)

	// leastUnread is the Config.UnreadHigh with which a whole record fits, though
	// its pieces may each hold a larger buffer.
	leastUnread = 128 << 10
)

// transport is the net.Conn below a tls.Conn. It gives crypto/tls one whole record
// at a time, or pieces of one where the connection can not hold that. It never gives
// bytes of the next: nobody could see that crypto/tls has them.
type transport struct {
	c       *fiber.Conn
	whole   bool
	left    int  // bytes that are there for crypto/tls, of one record
	closing bool // what is written is the last, and must not wait

	head  [headerLen]byte // of a record in pieces
	heads int             // bytes of head that have come
	body  int             // bytes of that record that have not

	away   *away      // a handshake that runs off the loop
	watch  *stopwatch // or one on it
	kernel *kernel    // if the kernel may take over what is sent
}

// Read reads of one record.
func (t *transport) Read(p []byte) (int, error) {
	if t.away != nil {
		return t.away.read(p)
	}
	if t.left == 0 {
		if t.watch != nil {
			t.watch.stop()
			defer t.watch.start()
		}
		if err := t.await(); err != nil {
			return 0, err
		}
	}
	n, _ := t.c.Conn().Unread().Read(p[:min(len(p), t.left)])
	t.left -= n
	t.c.Conn().Consumed()
	return n, nil
}

// await suspends the fiber until a record or a piece of one is unread, or what a peer
// left of it that went away: what that means, crypto/tls knows.
func (t *transport) await() error {
	n, err := t.record()
	if err == io.ErrUnexpectedEOF {
		n, err = t.c.Conn().Unread().Len(), nil
	}
	if err != nil {
		return err
	}
	t.left = n
	if t.kernel != nil && t.kernel.secret == nil {
		hello, _ := t.c.Conn().Unread().Peek(min(n, helloLen))
		t.kernel.hello(hello)
	}
	return nil
}

// record waits for a record and returns its length.
func (t *transport) record() (int, error) {
	if !t.whole {
		return t.piece()
	}
	if err := t.c.WaitUnread(headerLen); err != nil {
		return 0, err
	}
	head, _ := t.c.Conn().Unread().Peek(headerLen)
	n := recordLen(head)
	return n, t.c.WaitUnread(n)
}

// piece waits for more of a record and returns how much there is. Who holds little
// may hold less than a header at a time.
func (t *transport) piece() (int, error) {
	if err := t.c.WaitUnread(1); err != nil {
		return 0, err
	}
	in, n := t.c.Conn().Unread(), 0
	if t.body == 0 {
		n = min(in.Len(), headerLen-t.heads)
		head, _ := in.Peek(n)
		t.heads += copy(t.head[t.heads:], head)
		if t.heads < headerLen {
			return n, nil
		}
		t.heads, t.body = 0, recordLen(t.head[:])-headerLen
	}
	more := min(in.Len()-n, t.body)
	t.body -= more
	return n + more, nil
}

// recordLen is the length of a record with its header. What can not be a record has
// nothing but the header, which crypto/tls will not like.
func recordLen(head []byte) int {
	const (
		firstType, lastType = 20, 23 // change_cipher_spec, application_data
		major               = 3
	)
	n := int(binary.BigEndian.Uint16(head[3:]))
	if head[0] < firstType || head[0] > lastType || head[1] != major || n > maxRecord {
		return headerLen
	}
	return headerLen + n
}

// Write queues p.
func (t *transport) Write(p []byte) (int, error) {
	if k := t.kernel; k != nil {
		if k.on {
			return t.control(p)
		}
		k.wrote(p)
	}
	switch {
	case t.away != nil:
		return t.away.write(p)
	case t.closing:
		return t.c.Conn().Write(p)
	case t.watch != nil:
		t.watch.stop()
		defer t.watch.start()
	}
	return t.c.Write(p)
}

// Close closes the connection; crypto/tls calls it after it sent close_notify.
func (t *transport) Close() error {
	if t.away != nil {
		return errAway
	}
	return t.c.Close()
}

func (t *transport) LocalAddr() net.Addr {
	if t.away != nil {
		return t.away.local
	}
	return t.c.LocalAddr()
}

func (t *transport) RemoteAddr() net.Addr {
	if t.away != nil {
		return t.away.remote
	}
	return t.c.RemoteAddr()
}

func (t *transport) SetDeadline(d time.Time) error {
	if t.away != nil {
		return errAway
	}
	return t.c.SetDeadline(d)
}

func (t *transport) SetReadDeadline(d time.Time) error {
	if t.away != nil {
		return errAway
	}
	return t.c.SetReadDeadline(d)
}

func (t *transport) SetWriteDeadline(d time.Time) error {
	if t.away != nil {
		return errAway
	}
	return t.c.SetWriteDeadline(d)
}

// errAway is what callbacks get that try to handle the connection.
var errAway = errors.New("tlsfiber: a connection in its handshake is not a callback's to handle")

// away is the transport's part of a handshake that runs as a coroutine, off the
// loop. Fiber and coroutine take turns: what is here belongs to who has it.
type away struct {
	yield         func(struct{}) bool
	rec           buffers.Chain // the record being read
	out           []byte        // written since the fiber had its turn
	err           error         // why there is no more to read
	local, remote net.Addr
}

// read reads of the record, or lets the fiber wait for the next one.
func (a *away) read(p []byte) (int, error) {
	if a.rec.Empty() && a.err == nil {
		a.yield(struct{}{})
	}
	if a.rec.Empty() {
		return 0, a.err
	}
	return a.rec.Read(p)
}

func (a *away) write(p []byte) (int, error) {
	a.out = append(a.out, p...)
	return len(p), nil
}
