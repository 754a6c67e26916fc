package stdnet

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

const (
	// maxUnreadPackets is how many datagrams wait for a reader before the socket stops
	// receiving and leaves them to the kernel's queue.
	maxUnreadPackets = 256
	// maxUnsentPackets is how many bytes wait for the loop before writers wait.
	maxUnsentPackets = 256 << 10
	// leastPacket is what a datagram counts for at least, however short it is.
	leastPacket = 64
	// longestUDP is the longest datagram of UDP; the system tells about headers.
	longestUDP = 65535
)

// packetRing is a UDP socket on a loop. Readers take from its inbox, writers put into
// its outbox, which the loop empties in its next turn.
type packetRing struct {
	home *home
	loop *runtime.Loop // its
	pc   *runtime.PacketConn

	mu        sync.Mutex
	canRead   sync.Cond
	canWrite  sync.Cond
	inbox     []packetIn
	first     int // of inbox, the next one to read
	paused    bool
	out, busy outbox // busy is the loop's
	posted    bool   // the loop will look at out
	closed    bool
	moved     bool  // to the netpoller
	failed    error // of the network, for the next read
	readAt    packetDeadline
	writeAt   packetDeadline
	gone      chan struct{} // closed when the loop has let go
}

// packetIn is a datagram that nobody has read.
type packetIn struct {
	data *buffers.Chunk
	from netip.AddrPort
	oob  []byte
	cut  bool // the payload was
	less bool // the control messages were
}

// outbox is datagrams one behind the other.
type outbox struct {
	bytes []byte
	list  []packetOut
	done  int // of list
}

type packetOut struct {
	to     netip.AddrPort
	n, oob int // bytes of payload, and of control messages behind it
	at     int
}

// packetDeadline wakes those who wait when it has passed.
type packetDeadline struct {
	at    instant
	timer *time.Timer
}

func (d *packetDeadline) set(t time.Time, wake func()) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if d.at = instantOf(t); d.at > 0 {
		d.timer = time.AfterFunc(time.Duration(int64(d.at)-clock()), wake)
	}
}

// toLoop puts the socket on a loop. It owns u then.
func (c *UDPConn) toLoop(u *net.UDPConn) error {
	h := c.host.place()
	r := &packetRing{home: h, loop: h.loop, gone: make(chan struct{})}
	r.canRead.L, r.canWrite.L = &r.mu, &r.mu
	cfg := &runtime.PacketConfig{MaxDatagram: longestUDP}
	var err error
	called := r.loop.Call(func() {
		r.pc, err = r.loop.AdoptPacket(u, cfg, func(*runtime.PacketConn) runtime.PacketHandler { return r })
	})
	if called != nil {
		return called
	}
	if err == nil {
		h.conns.Add(1) // until Closed
		c.std, c.ring = nil, r
	}
	return err
}

// Datagram takes in what was received.
func (r *packetRing) Datagram(_ *runtime.PacketConn, d *runtime.Datagram) {
	in := packetIn{from: d.From.AddrPort, cut: d.Truncated, less: d.OOBCut}
	if oob := d.OOB(); len(oob) > 0 {
		in.oob = append([]byte(nil), oob...)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	in.data = d.Take()
	if r.first > 0 && len(r.inbox) == cap(r.inbox) { // a reader that is always behind never empties it
		n := copy(r.inbox, r.inbox[r.first:])
		clear(r.inbox[n:])
		r.inbox, r.first = r.inbox[:n], 0
	}
	r.inbox = append(r.inbox, in)
	if len(r.inbox)-r.first >= maxUnreadPackets {
		r.paused = true
		r.pc.Pause()
	}
	r.canRead.Signal()
}

// Failed keeps what the network reported for the next read.
func (r *packetRing) Failed(_ *runtime.PacketConn, to runtime.PacketAddr, err error) {
	if !to.IsZero() {
		return // counted: the write that it was has returned
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = cause(err)
	r.canRead.Signal()
}

// Drained goes on sending.
func (r *packetRing) Drained(*runtime.PacketConn) { r.Run(nil) }

// Closed is the end of the socket on the loop.
func (r *packetRing) Closed(*runtime.PacketConn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shut()
	r.home.conns.Add(-1)
	close(r.gone)
}

// shut ends all calls. It is called with the lock held.
func (r *packetRing) shut() {
	r.closed = true
	for _, in := range r.inbox[r.first:] {
		in.data.Release()
	}
	r.inbox, r.first = nil, 0
	for _, d := range []*packetDeadline{&r.readAt, &r.writeAt} {
		if d.timer != nil {
			d.timer.Stop()
		}
	}
	r.canRead.Broadcast()
	r.canWrite.Broadcast()
}

// state is why a call can not go on. It is called with the lock held.
func (r *packetRing) state(d *packetDeadline) error {
	switch {
	case r.moved:
		return errMove
	case r.closed:
		return net.ErrClosed
	case d.at.over():
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (r *packetRing) read(p, oob []byte) (n, oobn, flags int, from netip.AddrPort, err error) {
	r.mu.Lock()
	for {
		if err = r.state(&r.readAt); err == nil && r.first == len(r.inbox) {
			err, r.failed = r.failed, nil
		}
		if err != nil {
			r.mu.Unlock()
			return 0, 0, 0, from, err
		}
		if r.first < len(r.inbox) {
			break
		}
		r.canRead.Wait()
	}
	in := r.inbox[r.first]
	r.inbox[r.first] = packetIn{}
	if r.first++; r.first == len(r.inbox) {
		r.inbox, r.first = r.inbox[:0], 0
	}
	resume := r.paused && len(r.inbox)-r.first <= maxUnreadPackets/2
	if resume {
		r.paused = false
	}
	r.mu.Unlock()
	if resume {
		_ = r.loop.Post(r.pc.Resume) // a loop that ended has closed it
	}
	n, oobn = copy(p, in.data.Bytes()), copy(oob, in.oob)
	if in.cut || n < in.data.Len() {
		flags |= msgTrunc
	}
	if in.less || oobn < len(in.oob) {
		flags |= msgCtrunc
	}
	in.data.Release()
	return n, oobn, flags, in.from, nil
}

func (r *packetRing) write(p, oob []byte, to netip.AddrPort) error {
	switch {
	case !to.IsValid():
		return syscall.EDESTADDRREQ
	case len(p) > longestUDP:
		return os.NewSyscallError("sendmsg", syscall.EMSGSIZE)
	}
	r.mu.Lock()
	for {
		if err := r.state(&r.writeAt); err != nil {
			r.mu.Unlock()
			return err
		}
		if len(r.out.bytes) < maxUnsentPackets && len(r.out.list) < maxUnsentPackets/leastPacket {
			break
		}
		r.canWrite.Wait()
	}
	o := &r.out
	o.list = append(o.list, packetOut{to: to, n: len(p), oob: len(oob), at: len(o.bytes)})
	o.bytes = append(append(o.bytes, p...), oob...)
	post := !r.posted
	r.posted = true
	r.mu.Unlock()
	if post {
		_ = r.loop.PostTask(r)
	}
	return nil
}

// Run sends what was written, on the loop.
func (r *packetRing) Run(*runtime.Loop) {
	for {
		b := &r.busy
		for b.done < len(b.list) {
			if r.pc.Full() {
				return // Drained goes on
			}
			m := b.list[b.done]
			b.done++
			payload := b.bytes[m.at : m.at+m.n]
			oob := b.bytes[m.at+m.n : m.at+m.n+m.oob]
			_ = r.pc.WriteMsg(payload, runtime.PacketAddr{AddrPort: m.to}, oob) // counted
		}
		b.bytes, b.list, b.done = b.bytes[:0], b.list[:0], 0
		r.mu.Lock()
		if len(r.out.list) == 0 {
			r.posted = false
			closing := r.closed && !r.moved
			r.mu.Unlock()
			if closing {
				r.pc.Close()
			}
			return
		}
		r.out, r.busy = r.busy, r.out
		r.canWrite.Broadcast()
		r.mu.Unlock()
	}
}

func (r *packetRing) close() error {
	r.mu.Lock()
	if r.moved || r.closed {
		err := r.state(&packetDeadline{})
		r.mu.Unlock()
		return err
	}
	r.shut()
	post := !r.posted
	r.posted = true
	r.mu.Unlock()
	if post {
		_ = r.loop.PostTask(r)
	}
	select {
	case <-r.gone: // the port is free
	case <-time.After(closePatience):
	}
	return nil
}

func (r *packetRing) setDeadline(t time.Time, read, write bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.state(&packetDeadline{}); err != nil {
		return err
	}
	if read {
		r.readAt.set(t, r.look)
	}
	if write {
		r.writeAt.set(t, r.look)
	}
	r.canRead.Broadcast()
	r.canWrite.Broadcast()
	return nil
}

// look has everybody who waits look again.
func (r *packetRing) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.canRead.Broadcast()
	r.canWrite.Broadcast()
}

var _ runtime.PacketErrorHandler = (*packetRing)(nil)
