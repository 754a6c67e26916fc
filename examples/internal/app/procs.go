package app

import (
	"os"
	goruntime "runtime"

	"github.com/headrace/headrace/runtime"
)

// SpareProcessor gives the scheduler one processor more than there are loops, in a
// program whose work is done on these, unless GOMAXPROCS is set. A loop that waits in
// the kernel has its processor still: where there is no other, the scheduler's monitor
// thread takes it away from each wait of 20 µs, at the price of a few thread switches.
//
// It is not for programs that do much on goroutines, which profit from one thread: they
// serve with them, or compute handshakes. The portable engine is one of them.
func SpareProcessor(rt *runtime.Runtime) {
	if os.Getenv("GOMAXPROCS") != "" || rt.Backend() == runtime.Portable {
		return
	}
	if loops := len(rt.Loops()); goruntime.GOMAXPROCS(0) <= loops {
		goruntime.GOMAXPROCS(loops + 1)
	}
}
