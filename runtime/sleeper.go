package runtime

import "time"

// AfterOrClose calls f on the loop after d, or, with closed set, as soon as the runtime
// closes. Other than a timer's, the call comes in any case: the loop does not end before.
func (l *Loop) AfterOrClose(d time.Duration, f func(closed bool)) {
	l.mustRun("Loop.AfterOrClose")
	s := &sleeper{f: f}
	s.timer.loop, s.timer.fn = l, s.over
	l.others[s] = struct{}{}
	if l.quit {
		s.stop()
		return
	}
	s.timer.Reset(d)
}

// sleeper is an AfterOrClose in progress.
type sleeper struct {
	timer Timer
	f     func(closed bool)
}

func (s *sleeper) over() {
	delete(s.timer.loop.others, s)
	s.f(false)
}

func (s *sleeper) stop() {
	l := s.timer.loop
	s.timer.Stop()
	l.later(nil, func() {
		delete(l.others, s)
		s.f(true)
	})
}
