package runtime

import goruntime "runtime"

// Offload runs work on an ordinary goroutine, where it may block, and then done
// on the loop. The loop does not end before that. A panic in work ends the
// program, as in any goroutine.
func (l *Loop) Offload(work, done func()) {
	l.mustRun("Loop.Offload")
	o := &offload{}
	l.others[o] = struct{}{}
	if !l.yields {
		l.yields = true
		_ = l.PostTask((*yield)(l)) // not at the loop's end, which may wait
	}
	go func() {
		work()
		l.postAwaited(taskFunc(func() {
			delete(l.others, o)
			done()
		}))
	}()
}

// offload keeps a loop alive; work that an ordinary goroutine does can not be
// stopped, only waited for.
type offload struct{ _ byte }

func (*offload) stop() {}

// yield lets goroutines run that the loop started, in the turn after, when all that
// was to be sent is on its way. A loop that went to sleep instead would keep its
// processor until the scheduler notices, which takes up to 10 ms.
type yield Loop

// Run implements Task.
func (y *yield) Run(l *Loop) {
	l.yields = len(l.ready) > 0
	if l.yields {
		_ = l.PostTask(y) // there is better to do now
		return
	}
	// Those who run now hold the processor, and no callback the loop.
	if l.turn.Swap(0) < 0 {
		l.stallEnded()
	}
	goruntime.Gosched()
	l.now = l.clock()
	l.turn.Store(l.now + 1)
	l.rt.guard.turnBegins()
}
