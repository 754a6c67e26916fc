//go:build linux

package epoll

import (
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
	"golang.org/x/sys/unix"
)

// kind is what sort of socket it is.
type kind uint8

const (
	kindTCP      kind = iota
	kindStream        // unix
	kindPacket        // unixpacket
	kindUDP           // udp
	kindUnixgram      // unixgram
)

var networks = [...]string{"tcp", "unix", "unixpacket", "udp", "unixgram"}

// kindOf knows the networks of package net, with or without the 4 or 6.
func kindOf(network string) kind {
	switch network {
	case "unix":
		return kindStream
	case "unixpacket":
		return kindPacket
	case "udp", "udp4", "udp6":
		return kindUDP
	case "unixgram":
		return kindUnixgram
	}
	return kindTCP
}

func (k kind) datagram() bool { return k == kindUDP || k == kindUnixgram }

// The flags of a socket.
type flags uint16

const (
	readable   flags = 1 << iota // the last edge said so, and no EAGAIN since
	writable                     // likewise
	hungUp                       // the end, an error or urgent data: ask until EAGAIN
	inLine                       // is in engine.ready
	parked                       // is in engine.parked
	starved                      // there was no chunk to receive into
	registered                   // with epoll
	closing                      // its Close was submitted
	readClosed                   // CloseRead was called
	lingers                      // close(2) may wait for the peer
	shown                        // Control showed the descriptor: others may hold it
	connected                    // a datagram socket with a peer
	joined                       // datagrams come joined (UDP_GRO)
	deaf                         // epoll is not to tell of what comes, see deafen
)

// socket is an entry of the table of sockets.
type socket struct {
	rd, wr queue
	gen    uint32 // odd while the entry is in use
	fd     int32
	ops    int32  // operations in flight
	jobs   int32  // helpers at work for them
	closer uint32 // slot of a Close that waits for them
	flags  flags
	kind   kind
	family uint8 // datagram sockets: AF_*
	batch  uint8 // datagram sockets: how many to ask for
	mark   uint8 // for engine.crowd
}

func (s *socket) is(f flags) bool { return s.flags&f != 0 }

// pendingRead and pendingWrite tell whether there is something to do now.
func (s *socket) pendingRead() bool {
	return s.is(readable) && !s.rd.empty() && s.flags&(parked|starved) != parked|starved
}

func (s *socket) pendingWrite() bool { return s.is(writable) && !s.wr.empty() }

// lookup finds the entry of a socket that is open.
func (e *engine) lookup(id driver.Socket) (*socket, bool) {
	if id < 0 || !e.sockets.has(uint32(id)) {
		return nil, false
	}
	s := e.sockets.at(uint32(id))
	return s, s.gen&1 != 0
}

// deref finds the entry that ref was made for.
func (e *engine) deref(r ref) (*socket, bool) {
	if !e.sockets.has(r.index) {
		return nil, false
	}
	s := e.sockets.at(r.index)
	return s, s.gen == r.gen && s.gen&1 != 0
}

// adopt makes an entry for fd and registers it. On error fd is still the caller's.
func (e *engine) adopt(fd int, k kind, f flags) (uint32, error) {
	index, s := e.enter(fd, k, f)
	if err := e.register(index, s); err != nil {
		e.leave(index, s)
		return none, err
	}
	return index, nil
}

// enter makes an entry for fd, which is not registered yet.
func (e *engine) enter(fd int, k kind, f flags) (uint32, *socket) {
	index, s := e.sockets.take()
	empty := queue{head: none, tail: none}
	*s = socket{
		rd: empty, wr: empty, gen: s.gen + 1, fd: int32(fd), closer: none,
		flags: f | writable, kind: k, batch: minDatagrams,
	}
	if k.datagram() {
		s.family = uint8(sock.Family(fd))
	}
	e.stats.SocketsOpen++
	return index, s
}

// leave gives the entry back.
func (e *engine) leave(index uint32, s *socket) {
	*s = socket{gen: s.gen + 1}
	e.sockets.give(index)
	e.stats.SocketsOpen--
}

const (
	// interestDeaf leaves out EPOLLPRI, too, which would be woken for all that comes.
	interestDeaf = unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET
	interest     = interestDeaf | unix.EPOLLIN | unix.EPOLLPRI
)

func (e *engine) register(index uint32, s *socket) error {
	if err := e.control(unix.EPOLL_CTL_ADD, index, s, interest); err != nil {
		return err
	}
	s.flags |= registered
	return nil
}

func (e *engine) control(op int, index uint32, s *socket, events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(index), Pad: int32(s.gen)}
	return unix.EpollCtl(e.epfd, op, int(s.fd), &ev)
}

// deafen keeps a socket that nobody reads from waking the loop with each packet, as those
// of a relay do whose other side is full.
func (e *engine) deafen(index uint32, s *socket) {
	if s.is(registered) && !s.is(deaf) && e.control(unix.EPOLL_CTL_MOD, index, s, interestDeaf) == nil {
		s.flags |= deaf
	}
}

// empty notes that there is nothing to read: what comes now makes an edge. To one that was
// deaf, so does what has come since the call that said so.
func (e *engine) empty(index uint32, s *socket) {
	s.flags &^= readable
	if s.is(deaf) {
		s.flags &^= deaf
		_ = e.control(unix.EPOLL_CTL_MOD, index, s, interest) // fails for strangers only
	}
}

// unregister is needed only where the descriptor's description lives on.
func (e *engine) unregister(s *socket) {
	if s.is(registered) {
		_ = unix.EpollCtl(e.epfd, unix.EPOLL_CTL_DEL, int(s.fd), &unix.EpollEvent{})
		s.flags &^= registered
	}
}

// schedule puts the socket in line to be served.
func (e *engine) schedule(index uint32, s *socket) {
	if !s.is(inLine) {
		s.flags |= inLine
		e.ready.push(ref{index, s.gen})
	}
}

// park puts the socket aside until the next tick.
func (e *engine) park(index uint32, s *socket) {
	if !s.is(parked) {
		s.flags |= parked
		e.parked = append(e.parked, ref{index, s.gen})
	}
}

// unpark puts all parked sockets in line again.
func (e *engine) unpark() {
	for _, r := range e.parked {
		if s, ok := e.deref(r); ok {
			s.flags &^= parked
			e.schedule(r.index, s)
		}
	}
	e.parked = e.parked[:0]
}
