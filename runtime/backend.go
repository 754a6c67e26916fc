package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/headrace/headrace/fallback/epoll"
	"github.com/headrace/headrace/fallback/portable"
	"github.com/headrace/headrace/ring/probe"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/uring"
)

// BackendEnv is the environment variable that overrides Config.Backend.
const BackendEnv = "HEADRACE_BACKEND"

// Backend names an engine. It implements encoding.TextUnmarshaler, so that
// flag.TextVar reads it.
type Backend uint8

// The backends. An engine that is named and can not run is an error; Auto takes
// the best that can.
const (
	Auto Backend = iota
	IOUring
	Epoll
	Portable
)

var backendNames = [...]string{"auto", "io_uring", "epoll", "portable"}

// String returns auto, io_uring, epoll or portable.
func (b Backend) String() string {
	if int(b) < len(backendNames) {
		return backendNames[b]
	}
	return fmt.Sprintf("Backend(%d)", uint8(b))
}

// MarshalText returns the name.
func (b Backend) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText accepts what String returns.
func (b *Backend) UnmarshalText(text []byte) error {
	for i, name := range backendNames {
		if name == string(text) {
			*b = Backend(i)
			return nil
		}
	}
	return fmt.Errorf("unknown backend %q (have %s)", text, strings.Join(backendNames[:], ", "))
}

// openers is the one place that knows the engines.
var openers = map[Backend]driver.Open{
	IOUring:  uring.Open,
	Epoll:    epoll.Open,
	Portable: portable.Open,
}

// override lets the environment's word stand for the program's.
func (c *Config) override() error {
	name := os.Getenv(BackendEnv)
	if name == "" {
		return nil
	}
	if err := c.Backend.UnmarshalText([]byte(name)); err != nil {
		return fmt.Errorf("%s: %w", BackendEnv, err)
	}
	return nil
}

// decide finds the engine for what cfg wants: the one it names, and for Auto what
// ring/probe finds by trying.
func decide(ctx context.Context, cfg *Config) (Backend, probe.Decision, error) {
	want := cfg.Backend
	if want == Epoll || want == Portable {
		// Named, and nothing of io_uring's: a process that a filter would kill for
		// trying can run.
		return want, probe.Decision{Engine: want.String(), Reason: "asked for"}, nil
	}
	report, err := probe.Run(ctx, probe.Options{FS: cfg.probeFS, Entries: ringEntries, Rings: cfg.Loops})
	if err != nil {
		return 0, probe.Decision{}, err
	}
	d := probe.Decide(report, probe.Want{Engine: want.String(), Off: cfg.Disable})
	if d.Engine == "" {
		return 0, d, &BackendError{Backend: want, Decision: d}
	}
	if d.Engine == probe.EngineIOUring {
		cfg.Disable = append(cfg.Disable, unusable(d)...)
	}
	var got Backend
	err = got.UnmarshalText([]byte(d.Engine))
	return got, d, err
}

// unusable lists the features that the engine must not use: missing, or known to
// be bad in this kernel.
func unusable(d probe.Decision) []string {
	var ids []string
	for _, f := range probe.Catalogue() {
		if !f.Required && !d.Has(f.ID) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// next notes that an engine did not start after all and returns the one to try
// then.
func next(refused Backend, d *probe.Decision, err error) Backend {
	no := probe.Rejected{Engine: refused.String(), Reason: err.Error()}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		no.Errno = probe.Errno(errno)
	}
	d.Rejected = append(d.Rejected, no)
	d.Engine, d.Reason, d.Features = (refused + 1).String(), no.Reason, nil
	return refused + 1
}
