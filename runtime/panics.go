package runtime

import (
	"bytes"
	"fmt"
	goruntime "runtime"
	"runtime/debug"
)

// contain handles a panic that was recovered in a callback: the connection it
// was for ends with ErrPanic, the loop goes on. where names the kind of callback.
func (l *Loop) contain(where string, value any) {
	if l.rt.cfg.CrashOnPanic {
		panic(value)
	}
	l.contained(where, value, debug.Stack())
}

// guarded is control with its panics contained: an engine calls it, in the middle of
// something and perhaps on another goroutine, and has its error.
func (l *Loop) guarded(control func(fd uintptr) error) func(fd uintptr) error {
	if control == nil || l.rt.cfg.CrashOnPanic {
		return control
	}
	return func(fd uintptr) (err error) {
		defer func() {
			if value := recover(); value != nil {
				err = ErrPanic
				stack := debug.Stack()
				_ = l.Post(func() { l.contained("control", value, stack) }) // told as long as somebody listens
			}
		}()
		return control(fd)
	}
}

// contained tells of a panic and ends the connection that it was for.
func (l *Loop) contained(where string, value any, stack []byte) {
	l.stats.Panics++
	l.log.Error("handler panicked", "loop", l.index, "in", where,
		"panic", fmt.Sprint(value), "stack", string(stack))
	if c := l.current; c != nil {
		l.current = nil
		c.abort(ErrPanic) // not by an orderly end: the peer would take it for all there is
	}
	if panicked := l.rt.cfg.Hooks.Panicked; panicked != nil {
		defer func() { _ = recover() }() // this was the way to be told
		panicked(l.index, value, stack)
	}
}

// goroutineID returns "goroutine N" as it stands in a stack trace.
func goroutineID() string {
	var buf [64]byte
	line := buf[:goruntime.Stack(buf[:], false)]
	if i := bytes.IndexByte(line, '['); i > 0 {
		line = line[:i-1]
	}
	return string(line)
}
