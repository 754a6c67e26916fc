package fiber

import (
	"fmt"
	"iter"
	"runtime/debug"

	"github.com/headrace/headrace/runtime"
)

// fiber is one coroutine. At any time it runs, on the loop, or waits for one
// thing: a connection's progress, a callback.
type fiber struct {
	loop    *runtime.Loop
	resume  func() (struct{}, bool)
	yield   func(struct{}) bool
	parked  bool
	ended   bool
	cut     int     // sleeps that ended early
	waiting waiter  // what wakes it
	lines   []*Conn // connections that ReadLine was called on
}

// waiter identifies what a parked fiber waits for: wakes for anything else pass.
type waiter struct {
	conn any // *Conn or *PacketConn, nil for a callback
	what waitFor
}

type waitFor uint8

const (
	forNothing waitFor = iota
	forData            // received bytes, or the end of them
	forDrain           // room in the send queue
	forSent            // memory that the kernel is done with
	forCall            // a callback of the fiber's own
)

// start runs f as a fiber on the loop's goroutine, until it first waits.
func start(l *runtime.Loop, f func(*fiber)) *fiber {
	fb := &fiber{loop: l}
	fb.resume, _ = iter.Pull(func(yield func(struct{}) bool) {
		fb.yield = yield
		defer fb.finished()
		f(fb)
	})
	return fb
}

// finished gives a panic the fiber's own stack, before it goes on to the loop.
func (fb *fiber) finished() {
	fb.ended = true
	for _, c := range fb.lines {
		c.dropLine()
	}
	if v := recover(); v != nil {
		panic(&panicked{value: v, stack: debug.Stack()})
	}
}

// holds notes that c may hold a line, which ends with the fiber at the latest.
func (fb *fiber) holds(c *Conn) {
	if !c.holder {
		c.holder = true
		fb.lines = append(fb.lines, c)
	}
}

// panicked is a panic on its way from a fiber to its loop.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) String() string { return fmt.Sprintf("%v\n\nfiber stack:\n%s", p.value, p.stack) }

// park suspends the running fiber until wake is called for the same thing.
func (fb *fiber) park(w waiter) {
	fb.waiting, fb.parked = w, true
	fb.yield(struct{}{})
}

// wake resumes the fiber if it waits for w. It runs on the loop's goroutine.
func (fb *fiber) wake(w waiter) {
	if fb.parked && fb.waiting == w {
		fb.run()
	}
}

func (fb *fiber) run() {
	fb.parked, fb.waiting = false, waiter{}
	fb.resume()
}

// await parks until *done, which a callback sets before it wakes the fiber.
func (fb *fiber) await(done *bool) {
	for !*done {
		fb.park(waiter{what: forCall})
	}
}

// called is what such a callback does at its end.
func (fb *fiber) called(done *bool) {
	*done = true
	fb.wake(waiter{what: forCall})
}

// Go runs f as a fiber of its own on the loop. It may be called from any
// goroutine; f begins in the loop's next turn.
func Go(l *runtime.Loop, f func(t *Task)) error {
	return l.Post(func() {
		start(l, func(fb *fiber) { f(&Task{fb: fb}) }).run()
	})
}
