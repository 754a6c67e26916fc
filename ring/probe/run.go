package probe

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	goruntime "runtime"
	"slices"
	"syscall"
	"time"
)

// Options says how to probe. The zero value is what the runtime uses.
type Options struct {
	// FS is the root of the file system that is read for the gates; nil means the
	// real one. A test puts a fake /proc there. Where it says that the sysctl
	// forbids io_uring to everybody, no call is made.
	FS fs.FS
	// Entries is the size of the rings that the program will make, 8 times as many
	// completions included; zero means 256. It matters where RLIMIT_MEMLOCK counts
	// rings: before Linux 5.12, and again from 6.14 on.
	Entries int
	// Rings is how many of them, one a loop; zero means GOMAXPROCS. Where
	// RLIMIT_MEMLOCK binds, that many are made at once, each with a buffer ring, to see.
	Rings int
}

func (o Options) fill() Options {
	if o.FS == nil {
		o.FS = os.DirFS("/")
	}
	if o.Entries <= 0 {
		o.Entries = 256
	}
	if o.Rings <= 0 {
		o.Rings = goruntime.GOMAXPROCS(0)
	}
	return o
}

// Run probes everything: the gates, the required features and the optional ones.
// It takes about two milliseconds, locks its goroutine to a thread meanwhile, and is
// safe for concurrent use.
//
// What the kernel refuses is no error but part of the report. An error means that
// the probe itself was cut short: errors.Is holds for ctx.Err().
func Run(ctx context.Context, opts Options) (*Report, error) {
	start := time.Now()
	opts = opts.fill()
	f := readFacts(opts.FS)
	var seen live
	if diagnose(f, nil) == nil {
		seen = probeLive(ctx, f, opts)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("probe: cut short: %w", err)
	}
	seen.epoll = probeEpoll()
	r := assemble(f, seen)
	r.Elapsed = time.Since(start)
	return r, nil
}

// live is what the calls answered.
type live struct {
	attempts []attempt
	found    map[string]finding
	ops      []Op
	epoll    epollAnswer
}

// finding is what became of one feature.
type finding struct {
	state State
	how   How
	errno syscall.Errno
	note  string
	bad   *KnownBad // a fault that was seen
}

// epollAnswer is what the calls of the epoll engine answered.
type epollAnswer struct {
	call  string // the one that was refused; empty for none
	errno syscall.Errno
}

// assemble makes the report. It is a pure function, so that every case can be
// tested on any machine.
func assemble(f facts, seen live) *Report {
	r := &Report{Schema: Schema, Host: f.host, Ops: seen.ops}
	if r.Block = diagnose(f, seen.attempts); r.Block == nil {
		r.Block = outOfMemlock(f, seen.found)
	}
	r.Features = features(f, seen.found, r.Block)
	r.Gates = gates(f, seen.attempts, r.cause())
	r.Hints = hints(f, r.cause(), r.Gates)
	r.Engines = []EngineStatus{epollStatus(f, seen.epoll)}
	r.Engines = engines(r)
	return r
}

// cause is what keeps io_uring from running: that of the block or, where calls pass
// but a required feature is refused, the kernel.
func (r *Report) cause() Cause {
	if r.Block != nil {
		return r.Block.Cause
	}
	for _, f := range r.Features {
		if f.Required && f.State == No {
			return CauseKernel
		}
	}
	return ""
}

// features is the catalogue with what was found out. Where io_uring is blocked
// nothing could be, and every feature stays unknown.
func features(f facts, found map[string]finding, block *Block) []Feature {
	list := slices.Clone(catalogue)
	for i := range list {
		got, ok := found[list[i].ID]
		if !ok || block != nil {
			continue
		}
		list[i].State, list[i].How = got.state, got.how
		list[i].Errno, list[i].Note = Errno(got.errno), got.note
		bad := got.bad
		if bad == nil {
			bad = knownBadOn(f.host.Kernel, list[i].ID)
		}
		if bad != nil && got.state == Yes {
			list[i].Off, list[i].OffLink = "known bad: "+bad.Reason, bad.Link
		}
	}
	return list
}

func epollStatus(f facts, got epollAnswer) EngineStatus {
	e := EngineStatus{Engine: EngineEpoll, Ready: true, Reason: "ready"}
	switch {
	case f.host.OS != "linux":
		e.Ready, e.Reason = false, "epoll needs Linux, this is "+f.host.OS
	case got.errno != 0:
		e.Ready, e.Errno = false, Errno(got.errno)
		e.Reason = "epoll refused (" + got.call + ": " + e.Errno.String() + ")"
	}
	return e
}

// engines asks Decide about each engine.
func engines(r *Report) []EngineStatus {
	chosen := Decide(r, Want{})
	var list []EngineStatus
	for _, name := range []string{EngineIOUring, EngineEpoll, EnginePortable} {
		e := EngineStatus{Engine: name, Ready: true, Chosen: name == chosen.Engine, Reason: "ready"}
		if no := r.reject(name, Want{}); no != nil {
			e.Ready, e.Reason, e.Errno = false, no.Reason, no.Errno
		} else if name == EngineIOUring {
			e.Reason = requiredText(r)
		}
		list = append(list, e)
	}
	return list
}

func requiredText(r *Report) string {
	var need, have, extra int
	for _, f := range r.Features {
		switch {
		case f.Required:
			need++
			have += b2i(f.Usable())
		case f.Usable():
			extra++
		}
	}
	return fmt.Sprintf("required %d/%d, optional %d/%d", have, need, extra, len(r.Features)-need)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
