package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// progress shows uploads that take long on a terminal, one line that changes. It may
// be used by all loops at once.
type progress struct {
	mu  sync.Mutex
	out io.Writer // nil: nobody looks
}

// newProgress shows progress on f if that is a terminal.
func newProgress(f *os.File) *progress {
	p := &progress{}
	if fi, err := f.Stat(); err == nil && fi.Mode()&os.ModeCharDevice != 0 {
		p.out = f
	}
	return p
}

// An upload is shown when it has taken so long, and so often.
const (
	showAfter = time.Second
	showEvery = 200 * time.Millisecond
)

func (p *progress) show(u *upload) {
	if p.out == nil {
		return
	}
	now := time.Now()
	if now.Sub(u.began) < showAfter || now.Sub(u.shown) < showEvery {
		return
	}
	u.shown = now
	p.mu.Lock()
	defer p.mu.Unlock()
	const mib = 1 << 20
	rate := float64(u.got) / now.Sub(u.began).Seconds() / mib
	if u.total > 0 {
		fmt.Fprintf(p.out, "\r\x1b[K%s: %d%% of %.1f MiB, %.1f MiB/s", u.name,
			100*u.got/u.total, float64(u.total)/mib, rate)
		return
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s: %.1f MiB, %.1f MiB/s", u.name, float64(u.got)/mib, rate)
}

// end ends the line of an upload that was shown.
func (p *progress) end(u *upload) {
	if p.out == nil || u.shown.IsZero() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "\r\x1b[K%s: %d bytes in %v\n", u.name, u.got, time.Since(u.began).Round(time.Millisecond))
}
