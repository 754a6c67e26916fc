package faults

import (
	"errors"
	"math/rand/v2"
	"os"
	"syscall"
	"time"

	"github.com/headrace/headrace/runtime/driver"
)

// WrapEngine is [Wrap] with cfg, for runtime.Config.
func (cfg Config) WrapEngine(open driver.Open) driver.Open { return Wrap(open, cfg) }

// Wrap returns an Open whose engines misbehave as cfg says.
func Wrap(open driver.Open, cfg Config) driver.Open {
	return func(dc *driver.Config) (driver.Engine, error) {
		inner, err := open(dc)
		if err != nil {
			return nil, err
		}
		e := &engine{
			Engine:  inner,
			cfg:     cfg,
			loop:    uint64(dc.Loop),
			flights: make(map[*driver.Op]*flight),
			closing: make(map[driver.Socket]*flight),
			broken:  make(map[driver.Socket]bool),
		}
		e.reseed(cfg.Seed)
		if r, ok := inner.(refuser); ok && cfg.Percent[RefusedEnter] > 0 {
			r.RefuseEnters(e.refuse)
		}
		return e, nil
	}
}

// engine is an engine above another one: it takes the owner's operations and
// submits operations of its own in their place.
type engine struct {
	driver.Engine
	cfg  Config
	loop uint64
	seed uint64
	hits [KindCount]*rand.Rand // one sequence a kind: how often is polled shifts no other
	rand *rand.Rand            // sizes and delays

	flights map[*driver.Op]*flight    // by the owner's record
	closing map[driver.Socket]*flight // the Close of each socket that has one in flight
	broken  map[driver.Socket]bool    // cut by Reset

	tick      int
	queue     []event
	delivered int
	result    driver.Result
	shut      bool // no more faults
}

// reseed starts all sequences anew.
func (e *engine) reseed(seed uint64) {
	e.seed = seed
	for k := range e.hits {
		e.hits[k] = rand.New(rand.NewPCG(seed, e.loop<<8|uint64(k)))
	}
	e.rand = rand.New(rand.NewPCG(seed, e.loop<<8|uint64(KindCount)))
}

// hit reports whether a fault of kind k is to happen now.
func (e *engine) hit(k Kind) bool {
	if e.shut || e.cfg.Percent[k] == 0 {
		return false
	}
	if e.cfg.Reseed != nil {
		if seed := e.cfg.Reseed.Load(); seed != e.seed {
			e.reseed(seed)
		}
	}
	if e.hits[k].IntN(100) >= e.cfg.Percent[k] {
		return false
	}
	if e.cfg.Counts != nil {
		e.cfg.Counts.n[k].Add(1)
	}
	return true
}

// refuser is an engine that asks before each enter with which errno it is refused: none
// if that is zero.
type refuser interface {
	RefuseEnters(errno func() syscall.Errno)
}

func (e *engine) refuse() syscall.Errno {
	if !e.hit(RefusedEnter) {
		return 0
	}
	return pick(e, syscall.EINTR, syscall.EAGAIN, syscall.EBUSY)
}

// part returns a number from 1 to n, small ones as likely as large ones.
func (e *engine) part(n int) int {
	if e.rand.IntN(2) == 0 {
		n = min(n, 16)
	}
	return 1 + e.rand.IntN(n)
}

// Poll polls the engine below and delivers what is due of what was held back.
func (e *engine) Poll(wait time.Duration) (int, error) {
	e.delivered = 0
	if e.hit(IdlePoll) {
		return 0, nil
	}
	e.tick++
	if len(e.queue) > 0 {
		wait = 0
	}
	_, err := e.Engine.Poll(wait)
	e.handle(func(v *event) bool { return v.due <= e.tick })
	return e.delivered, err
}

// Close delivers what was held back, then closes the engine below.
func (e *engine) Close() error {
	e.shut = true
	e.handle(func(*event) bool { return true })
	return e.Engine.Close()
}

// CloseWrite fails on a connection that was cut.
func (e *engine) CloseWrite(s driver.Socket) error {
	if e.broken[s] {
		return syscall.ENOTCONN
	}
	return e.Engine.CloseWrite(s)
}

// Detach fails on a connection that was cut: elsewhere it would be whole.
func (e *engine) Detach(s driver.Socket) (driver.Detached, error) {
	if e.broken[s] {
		return nil, syscall.ECONNRESET
	}
	return e.Engine.Detach(s)
}

// ReadNow implements [driver.ReadNower] as far as the engine below does.
func (e *engine) ReadNow(f *os.File, p []byte, off int64) (int, error) {
	if r, ok := e.Engine.(driver.ReadNower); ok && !e.hit(ShortRecv) {
		return r.ReadNow(f, p, off)
	}
	return 0, syscall.EAGAIN
}

// OpenPipe implements [driver.Splicer] as far as the engine below does.
func (e *engine) OpenPipe() (driver.Pipe, error) {
	if s, ok := e.Engine.(driver.Splicer); ok {
		return s.OpenPipe()
	}
	return driver.Pipe{}, errors.ErrUnsupported
}

// ClosePipe implements [driver.Splicer].
func (e *engine) ClosePipe(p driver.Pipe) { e.Engine.(driver.Splicer).ClosePipe(p) }

// Trim implements [driver.Trimmer] as far as the engine below does.
func (e *engine) Trim() {
	if t, ok := e.Engine.(driver.Trimmer); ok {
		t.Trim()
	}
}

// Unsent implements [driver.Unsenter] as far as the engine below does.
func (e *engine) Unsent(s driver.Socket) (driver.Unsent, error) {
	if u, ok := e.Engine.(driver.Unsenter); ok {
		return u.Unsent(s)
	}
	return driver.Unsent{}, syscall.ENOTSUP
}
