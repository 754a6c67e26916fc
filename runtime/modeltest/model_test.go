package modeltest

import (
	"errors"
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/faults"
)

var (
	modelTime = flag.Duration("model.time", 1500*time.Millisecond, "how long each combination runs programs")
	modelSeed = flag.Uint64("model.faults", 0, "seed of the faults; 0 for another one each time")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fault sets, from none to those that cut connections.
var modes = []struct {
	name   string
	faults func(seed uint64) faults.Config
	resets bool
}{
	{name: "plain"},
	{name: "faults", faults: func(seed uint64) faults.Config {
		cfg := faults.All(seed)
		cfg.Percent[faults.Reset] = 0
		return cfg
	}},
	{name: "resets", faults: faults.All, resets: true},
}

var backends = []runtime.Backend{runtime.IOUring, runtime.Epoll, runtime.Portable}

func TestPrograms(t *testing.T) {
	require.NoError(t, flag.Set("rapid.nofailfile", "true"))
	for _, b := range backends {
		for _, mode := range modes {
			t.Run(b.String()+"/"+mode.name, func(t *testing.T) {
				l := newLab(t, b)
				if l.resets = mode.resets; mode.faults != nil {
					seed := *modelSeed
					if seed == 0 {
						seed = rand.Uint64()
					}
					t.Logf("-model.faults=%d", seed)
					l.faults = mode.faults(seed)
					l.cfg.WrapEngine = func(open driver.Open) driver.Open { return faults.Wrap(open, l.faults) }
				}
				l.runFor(t, *modelTime)
			})
		}
	}
}

// lab has runtimes for programs. One serves many of them.
type lab struct {
	machine
	cfg      runtime.Config
	faults   faults.Config
	programs int
}

func newLab(t *testing.T, b runtime.Backend) *lab {
	l := &lab{cfg: runtime.Config{
		Backend: b, Loops: 2, RecvBuffers: 16, RecvBufferSize: 4 << 10,
		UnreadHigh: unreadHigh, UnsentHigh: 128 << 10,
		StallThreshold: -1,
		Sizes:          runtime.Sizes{Splice: 1}, // as soon as a relay can
	}}
	l.file, l.short = patternFile(t, 2*period), patternFile(t, period)
	if err := l.start(); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("the engine can not run here:", err)
	} else {
		require.NoError(t, err)
	}
	require.NoError(t, l.stop())
	return l
}

func (l *lab) start() (err error) {
	if l.rt == nil {
		l.rt, err = runtime.New(&l.cfg)
	}
	return err
}

// stop closes the runtime, which tells of chunks that were not given back.
func (l *lab) stop() error {
	if l.rt == nil {
		return nil
	}
	err := l.rt.Close()
	l.rt = nil
	return err
}

// perRuntime is how many programs a runtime serves.
const perRuntime = 25

// one runs a program.
func (l *lab) one(p program) error {
	if err := l.start(); err != nil {
		return err
	}
	l.links, l.errors = nil, nil
	err := l.run(p)
	l.programs++
	if err != nil || p.ends != "finish" || l.void.Load() || l.programs%perRuntime == 0 {
		err = errors.Join(err, l.stop())
	}
	return err
}

// runFor runs programs until time is up.
func (l *lab) runFor(t *testing.T, d time.Duration) {
	defer func() { require.NoError(t, l.stop()) }()
	l.faults.Fail = func(err error) { l.fail(err) }
	for began := time.Now(); time.Since(began) < d && !t.Failed(); {
		rapid.Check(t, func(rt *rapid.T) {
			p := drawProgram(rt)
			if !rt.Failed() && time.Since(began) > d && l.programs > 0 {
				return // rapid wants its hundred
			}
			if err := l.one(p); err != nil {
				rt.Fatalf("%v\n%v", p, err)
			}
		})
	}
	t.Logf("%d programs", l.programs)
}
