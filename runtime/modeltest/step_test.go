package modeltest

import (
	"errors"
	"fmt"
	"io"
	"time"

	"pgregory.net/rapid"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// step is one thing that an end does.
type step struct {
	end  int
	what string
	n    int
}

func (s step) String() string { return fmt.Sprintf("%d %s %d", s.end, s.what, s.n) }

// steps are what an end can do; n is a number of bytes where one is wanted.
var steps = map[string]func(e *end, n int){
	"write": func(e *end, n int) {
		_, err := e.conn.Write(e.out.next(n))
		e.sent(n, err)
	},
	"send": func(e *end, n int) {
		var chain buffers.Chain
		if n%2 == 0 {
			chain.Append(buffers.Wrap(e.out.next(n), nil))
		} else {
			chain.AppendCopy(e.conn.Loop().Pool(), e.out.next(n))
		}
		e.sent(n, e.conn.Send(chain))
	},
	"sendfile": func(e *end, n int) {
		off, gone := e.out.at(), e.gone()
		e.out.off += int64(n)
		done := e.once(func(sent int64, err error) {
			if (err == nil) != (sent == int64(n)) {
				e.fail("SendFile of %d bytes sent %d and says: %w", n, sent, err)
			}
		})
		err := e.conn.SendFile(e.m.file, off, int64(n), done)
		if err != nil && gone {
			e.calls.Add(-1) // nothing was queued
		}
		e.sent(n, err)
	},
	"short file": func(e *end, n int) {
		if !e.gone() {
			e.may(io.ErrUnexpectedEOF)
			off := e.out.at()
			promised := period - off + int64(n)
			e.out.off += promised
			_ = e.conn.SendFile(e.m.short, off, promised, nil)
		}
	},
	"after sent": func(e *end, n int) {
		done := e.once(func(int64, error) {})
		e.conn.AfterSent(func(err error) { done(0, err) })
	},
	"recv full": func(e *end, n int) {
		if e.calls.Load() == 0 && !e.moving.Load() {
			e.recvFull(n)
		}
	},
	"recv file": func(e *end, n int) {
		if e.calls.Load() == 0 && !e.moving.Load() {
			e.recvFile(n)
		}
	},
	"pause":  func(e *end, _ int) { e.conn.Pause() },
	"resume": func(e *end, _ int) { e.conn.Resume() },
	"lazy":   func(e *end, _ int) { e.lazy = true },
	"eager":  func(e *end, _ int) { e.lazy = false },
	"move":   func(e *end, _ int) { e.move(e.m.other(e.loop.Load())) },
	"close write": func(e *end, _ int) {
		_ = e.conn.CloseWrite() // closed, perhaps
		e.shut = true
	},
	"close": func(e *end, _ int) {
		e.may()
		e.conn.Close()
	},
	"abort": func(e *end, _ int) {
		e.may(errAbort)
		e.conn.Abort(errAbort)
	},
	"panic": func(e *end, _ int) {
		e.may(runtime.ErrPanic)
		e.panics = true
	},
	"time-out": func(e *end, n int) {
		e.may(runtime.ErrIdle, runtime.ErrReadTimeout, runtime.ErrSlowPeer)
		d := time.Duration(n) * time.Microsecond
		e.conn.SetIdleTimeout(d)
		e.conn.SetReadTimeout(d)
		e.conn.SetWriteTimeout(d)
	},
}

// gentle steps cost nobody a byte; rough ones may.
var (
	gentle = []string{
		"write", "write", "write", "send", "send", "send", "sendfile", "sendfile", "after sent", "recv full", "recv file",
		"pause", "resume", "resume", "lazy", "eager", "move", "close write",
		"listen", "unlisten", "dial", "dial",
	}
	rough = append([]string{"close", "abort", "panic", "time-out", "short file"}, gentle...)
	sizes = []int{1, 2, 100, 4095, 4096, 20_001, 70_000, 300_000}
)

// linkKinds are what a link can be: the network, and whether there is a relay between.
var linkKinds = []string{"tcp", "tcp relay", "unix", "unix relay"}

// maxLinks is how many links a program has at most.
const maxLinks = 3

// program is what a run does.
type program struct {
	links []string // one of linkKinds each
	steps []step
	ends  string // how it comes to its end
	seed  uint64 // of the faults
}

func (p program) String() string {
	return fmt.Sprintf("links %q, %s, faults %d, %v", p.links, p.ends, p.seed, p.steps)
}

func drawProgram(t *rapid.T) program {
	p := program{links: rapid.SliceOfN(rapid.SampledFrom(linkKinds), 1, maxLinks).Draw(t, "links")}
	names := gentle
	if rapid.Bool().Draw(t, "rough") {
		names = rough
	}
	one := rapid.Custom(func(t *rapid.T) step {
		return step{
			end:  rapid.IntRange(0, 2*len(p.links)-1).Draw(t, "end"),
			what: rapid.SampledFrom(names).Draw(t, "what"),
			n:    rapid.SampledFrom(sizes).Draw(t, "n"),
		}
	})
	p.steps = rapid.SliceOfN(one, 1, 30).Draw(t, "steps")
	p.ends = rapid.SampledFrom(endings).Draw(t, "ends")
	p.seed = rapid.Uint64().Draw(t, "faults")
	return p
}

// endings: most programs let everything arrive.
var endings = []string{"finish", "finish", "finish", "finish", "finish", "finish", "shutdown", "close"}

// sends are the steps that queue bytes.
var sends = map[string]bool{"write": true, "send": true, "sendfile": true, "short file": true}

var errWatchdog = errors.New("the program does not end")
