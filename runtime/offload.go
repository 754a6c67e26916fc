package runtime

// Offload runs work on an ordinary goroutine, where it may block, and then done
// on the loop. The loop does not end before that. A panic in work ends the
// program, as in any goroutine.
func (l *Loop) Offload(work, done func()) {
	l.mustRun("Loop.Offload")
	o := &offload{}
	l.others[o] = struct{}{}
	go func() {
		work()
		// The loop waits for this task, so it takes it.
		_ = l.Post(func() {
			delete(l.others, o)
			done()
		})
	}()
}

// offload keeps a loop alive; work that an ordinary goroutine does can not be
// stopped, only waited for.
type offload struct{ _ byte }

func (*offload) stop() {}
