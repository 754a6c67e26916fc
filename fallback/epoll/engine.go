//go:build linux

package epoll

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/internal/crowd"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/sock"
)

const (
	defaultEntries     = 256
	defaultRecvSize    = 16 << 10
	defaultFileWorkers = 4
)

type engine struct {
	cfg      driver.Config
	caps     driver.Caps
	epfd     int
	nanosecs bool // epoll_pwait2 is there
	events   []unix.EpollEvent
	wake     waker
	netpoll  netpoll
	crowd    crowd.Crowd

	records   table[record]
	sockets   table[socket]
	submitted []uint32 // slots, in the order of Submit
	running   []uint32 // the submitted of this Poll
	ready     fifo     // sockets to serve
	parked    []ref    // sockets to serve at the next tick
	sending   []ref    // sockets that have datagrams of this Poll to send
	workers   workers
	warm      sock.Warm // ranges of files that were in memory a moment ago

	done   []completion
	head   int // the first that is not delivered
	result driver.Result

	received int            // bytes in this Poll
	moved    int            // bytes of files and pipes, see fileTurn
	dry      bool           // the pool had nothing in this Poll
	spare    *buffers.Chunk // got from the pool and not needed after all
	skipped  bool           // the last Poll did not ask the kernel

	iovs     [maxSegments]unix.Iovec
	msg      unix.Msghdr
	grams    datagrams
	outgoing outgoing

	stats   driver.Stats
	closing bool
	closed  bool
}

var (
	_ driver.Engine    = (*engine)(nil)
	_ driver.ReadNower = (*engine)(nil)
	_ driver.Unsenter  = (*engine)(nil)
	_ driver.Open      = Open
)

// Open makes an engine; see package driver. Errors are those of epoll_create1(2)
// and eventfd(2), as *os.SyscallError would say them.
//
// Features that Config.Disable can name: epoll_pwait2, udp_segment.
func Open(cfg *driver.Config) (driver.Engine, error) {
	if cfg == nil || cfg.Pool == nil {
		return nil, errors.New("epoll: no pool")
	}
	e := &engine{cfg: *cfg, epfd: -1}
	populate(&e.cfg)
	e.events = make([]unix.EpollEvent, e.cfg.Entries)
	e.workers.init(e.cfg.FileWorkers, &e.wake)
	if err := e.create(); err != nil {
		e.destroy()
		return nil, err
	}
	e.detect()
	return e, nil
}

func populate(cfg *driver.Config) {
	if cfg.Entries <= 0 {
		cfg.Entries = defaultEntries
	}
	if cfg.RecvBufferSize <= 0 {
		cfg.RecvBufferSize = defaultRecvSize
	}
	if cfg.FileWorkers <= 0 {
		cfg.FileWorkers = defaultFileWorkers
	}
}

func (e *engine) create() (err error) {
	if e.epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll: epoll_create1: %w", err)
	}
	e.crowd.Patience = e.cfg.BatchWait
	if err := e.openPlace(); err != nil {
		return err
	}
	return e.wake.open(e.epfd)
}

func (e *engine) destroy() {
	e.wake.close()
	if e.netpoll.place != nil {
		e.netpoll.place.Close()
	}
	if e.epfd >= 0 {
		unix.Close(e.epfd)
		e.epfd = -1
	}
}

// detect tries the optional features.
func (e *engine) detect() {
	e.caps = driver.Caps{
		Name: "epoll", ReusePort: true, Attach: true, SendFile: true, FileHead: true, ReadNow: true,
		MaxSegments: maxSegments,
	}
	use := func(name string, try func() bool) bool {
		if slices.Contains(e.cfg.Disable, name) || !try() {
			return false
		}
		e.caps.Features = append(e.caps.Features, name)
		return true
	}
	e.nanosecs = use("epoll_pwait2", func() bool {
		_, errno := epollPwait2(e.epfd, e.events, 0)
		return errno == 0 || errno == unix.EINTR
	})
	e.caps.SegmentOffload = use("udp_segment", canSegment)
}

// Caps implements [driver.Engine].
func (e *engine) Caps() driver.Caps { return e.caps }

// Wake implements [driver.Engine].
func (e *engine) Wake() { e.wake.Wake() }

// Stats implements [driver.Engine].
func (e *engine) Stats(s *driver.Stats) {
	now := e.stats
	now.Wakes = e.wake.writes.Load()
	s.Add(&now)
}
