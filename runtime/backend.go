package runtime

import (
	"context"
	"fmt"
	"os"
	"strings"

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

// decide finds the engine for want: the environment's word, the program's, and
// for Auto what ring/probe finds by trying.
func decide(ctx context.Context, want Backend) (Backend, probe.Decision, error) {
	if name := os.Getenv(BackendEnv); name != "" {
		if err := want.UnmarshalText([]byte(name)); err != nil {
			return 0, probe.Decision{}, fmt.Errorf("%s: %w", BackendEnv, err)
		}
	}
	report, err := probe.Run(ctx, probe.Options{})
	if err != nil {
		return 0, probe.Decision{}, fmt.Errorf("probing the kernel: %w", err)
	}
	d := probe.Decide(report, probe.Want{Engine: wanted(want)})
	var got Backend
	if err := got.UnmarshalText([]byte(d.Engine)); err != nil {
		return 0, d, err
	}
	if want != Auto && got != want {
		return 0, d, &BackendError{Backend: want, Decision: d}
	}
	return got, d, nil
}

// wanted is the probe's word for a backend: empty for Auto.
func wanted(b Backend) string {
	if b == Auto {
		return ""
	}
	return b.String()
}
