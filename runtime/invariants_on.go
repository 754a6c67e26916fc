//go:build invariants

package runtime

import (
	"bytes"
	"fmt"
	goruntime "runtime"
)

// mustRun panics unless it is called on the loop's goroutine, or on a coroutine
// that was made there: method touches what belongs to the loop. It takes
// microseconds, so it is in the invariants build alone.
func (l *Loop) mustRun(method string) {
	if !on(l.id) && !coroutineOf(l.id) {
		panic(fmt.Sprintf("runtime: %s called from outside the loop: by %s, the loop is %s", method, goroutineID(), l.id))
	}
}

// on reports whether the caller is the goroutine with this name, without allocating.
func on(id string) bool {
	var buf [64]byte
	line := buf[:goruntime.Stack(buf[:], false)]
	return len(line) > len(id) && string(line[:len(id)]) == id && line[len(id)] == ' '
}

// coroutineOf reports whether the caller runs inside an iter.Pull that the
// goroutine with this name called.
func coroutineOf(id string) bool {
	buf := make([]byte, 64<<10)
	stack := buf[:goruntime.Stack(buf, false)]
	_, origin, found := bytes.Cut(stack, []byte("\ncreated by iter.Pull"))
	line, _, _ := bytes.Cut(origin, []byte("\n"))
	return found && bytes.HasSuffix(line, []byte(" in "+id))
}
