package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows uploads that take long on a terminal, one line that changes. It may
// be used by all loops at once, and blocks none of them: what a terminal that is
// stopped has no room for is not shown.
type progress struct {
	lines chan string // nil: nobody looks
}

// newProgress shows progress on f if that is a terminal.
func newProgress(f *os.File) *progress {
	if fi, err := f.Stat(); err == nil && fi.Mode()&os.ModeCharDevice != 0 {
		return progressTo(f)
	}
	return &progress{}
}

// progressTo shows progress on out, for as long as the program runs.
func progressTo(out io.Writer) *progress {
	p := &progress{lines: make(chan string, 16)}
	go func() {
		for line := range p.lines {
			_, _ = io.WriteString(out, line)
		}
	}()
	return p
}

func (p *progress) printf(format string, args ...any) {
	select {
	case p.lines <- fmt.Sprintf(format, args...):
	default:
	}
}

// An upload is shown when it has taken so long, and so often.
const (
	showAfter = time.Second
	showEvery = 200 * time.Millisecond
)

func (p *progress) show(u *upload) {
	if p.lines == nil {
		return
	}
	now := time.Now()
	if now.Sub(u.began) < showAfter || now.Sub(u.shown) < showEvery {
		return
	}
	u.shown = now
	const mib = 1 << 20
	rate := float64(u.got) / now.Sub(u.began).Seconds() / mib
	if u.total > 0 {
		p.printf("\r\x1b[K%s: %d%% of %.1f MiB, %.1f MiB/s", u.name,
			100*u.got/u.total, float64(u.total)/mib, rate)
		return
	}
	p.printf("\r\x1b[K%s: %.1f MiB, %.1f MiB/s", u.name, float64(u.got)/mib, rate)
}

// end ends the line of an upload that was shown.
func (p *progress) end(u *upload) {
	if p.lines == nil || u.shown.IsZero() {
		return
	}
	p.printf("\r\x1b[K%s: %d bytes in %v\n", u.name, u.got, time.Since(u.began).Round(time.Millisecond))
}
