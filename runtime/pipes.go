package runtime

import (
	"syscall"

	"github.com/headrace/headrace/runtime/driver"
)

const (
	// maxPipes bounds the pipes of a loop, which are two descriptors each.
	maxPipes = 128
	// pipeMost is what a relay receives into a pipe at once, at most.
	pipeMost = 512 << 10
)

// pipes are those of a loop. A relay has one while there is something in it, and else
// they are free, so that a few serve all. The free ones are closed when no relay wants
// any, or all are idle.
type pipes struct {
	loop  *Loop
	users int // directions of relays that splice
	open  int
	free  []driver.Pipe // the one that was used last, whose memory is warm, at the end
}

// join is called for a direction that will splice, and reports whether it can.
func (p *pipes) join() bool {
	if _, ok := p.loop.engine.(driver.Splicer); !ok {
		return false
	}
	pipe, err := p.TakePipe()
	if err != nil {
		return false
	}
	p.GivePipe(pipe)
	p.users++
	return true
}

// leave ends what join began.
func (p *pipes) leave() {
	if p.users--; p.users == 0 {
		p.trim()
	}
}

// trim closes the free ones.
func (p *pipes) trim() {
	for _, pipe := range p.free {
		p.close(pipe)
	}
	p.free = nil
}

// TakePipe implements [driver.Pipes]. Until it is known how much a pipe got, it counts
// as full against Config.MaxMemory. The only error is ENOBUFS: there is none to be had.
func (p *pipes) TakePipe() (driver.Pipe, error) {
	if !p.loop.rt.budget.Take(pipeMost) {
		return driver.Pipe{}, syscall.ENOBUFS
	}
	if n := len(p.free); n > 0 {
		pipe := p.free[n-1]
		p.free = p.free[:n-1]
		return pipe, nil
	}
	if p.open < maxPipes {
		if pipe, err := p.loop.engine.(driver.Splicer).OpenPipe(); err == nil {
			p.open++
			return pipe, nil
		}
	}
	p.loop.rt.budget.Give(pipeMost)
	return driver.Pipe{}, syscall.ENOBUFS
}

// GivePipe implements [driver.Pipes].
func (p *pipes) GivePipe(pipe driver.Pipe) {
	p.emptied(pipe, pipeMost)
}

// filled is told how much a pipe got.
func (p *pipes) filled(n int64) { p.loop.rt.budget.Give(pipeMost - n) }

// emptied takes back a pipe that had got n bytes and has none left.
func (p *pipes) emptied(pipe driver.Pipe, n int64) {
	p.loop.rt.budget.Give(n)
	p.free = append(p.free, pipe)
}

// drop closes a pipe that had got n bytes and has some left.
func (p *pipes) drop(pipe driver.Pipe, n int64) {
	p.loop.rt.budget.Give(n)
	p.close(pipe)
}

func (p *pipes) close(pipe driver.Pipe) {
	p.open--
	p.loop.engine.(driver.Splicer).ClosePipe(pipe)
}
