//go:build invariants

package buffers

import (
	"fmt"
	goruntime "runtime"
	"slices"
	"strings"
)

const invariants = true

// poisonByte fills released blocks: odd, high, and no valid UTF-8, so that it
// stands out in a dump and breaks whatever reads it.
const poisonByte = 0xDB

// trace remembers where a chunk was taken and released.
type trace struct {
	born, died []uintptr
}

func (t *trace) taken()               { t.born = callers() }
func (t *trace) released()            { t.died = callers() }
func (t *trace) ownerStack() string   { return format(t.born) }
func (t *trace) releaseStack() string { return format(t.died) }

// tracker knows the chunks that are out. The pool's lock guards it.
type tracker struct {
	out map[*Chunk]struct{}
}

func (t *tracker) add(c *Chunk) {
	if t.out == nil {
		t.out = make(map[*Chunk]struct{})
	}
	t.out[c] = struct{}{}
}

func (t *tracker) remove(c *Chunk) { delete(t.out, c) }

// stacks returns where the chunks that are out were taken, sorted.
func (t *tracker) stacks() []string {
	var s []string
	for c := range t.out {
		s = append(s, c.trace.ownerStack())
	}
	slices.Sort(s)
	return s
}

func poison(mem []byte) {
	mem[0] = poisonByte
	for n := 1; n < len(mem); n *= 2 {
		copy(mem[n:], mem[:n])
	}
}

// checkPoison panics when somebody wrote into a block after its release.
func checkPoison(b *block) {
	for i, got := range b.mem {
		if got != poisonByte {
			panic(fmt.Sprintf("buffers: byte %d of a block of %d was written (%#x) after its release at:%s",
				i, len(b.mem), got, b.last.releaseStack()))
		}
	}
}

func callers() []uintptr {
	pc := make([]uintptr, 32)
	return pc[:goruntime.Callers(3, pc)]
}

// format lists the frames from the caller of this package on.
func format(pc []uintptr) string {
	if len(pc) == 0 {
		return ""
	}
	var s strings.Builder
	frames := goruntime.CallersFrames(pc)
	for {
		f, more := frames.Next()
		if s.Len() > 0 || !strings.Contains(f.Function, "/headrace/buffers.(*") {
			fmt.Fprintf(&s, "\n\t%s\n\t\t%s:%d", f.Function, f.File, f.Line)
		}
		if !more {
			return s.String()
		}
	}
}
