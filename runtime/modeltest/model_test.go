package modeltest

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/drivertest"
	"github.com/headrace/headrace/runtime/driver/faults"
)

var (
	modelTime     = flag.Duration("model.time", 1500*time.Millisecond, "how long each combination runs programs")
	modelPrograms = flag.Int("model.programs", 0,
		"how many programs the combinations run together, in place of -model.time; void ones do not count")
	modelSeed = flag.Uint64("model.seed", 0, "what the programs and their faults are; 0 for others each time")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fault sets, from none to those that cut connections. A tight one has so little room
// that requests, completions and receive buffers run out all the time.
var modes = []struct {
	name   string
	faults func(seed uint64) faults.Config
	resets bool
	tight  bool
}{
	{name: "plain"},
	{name: "faults", faults: uncut},
	{name: "resets", faults: faults.All, resets: true},
	{name: "tight", faults: uncut, tight: true},
}

// uncut is all faults that cut no connection.
func uncut(seed uint64) faults.Config {
	cfg := faults.All(seed)
	cfg.Percent[faults.Reset] = 0
	return cfg
}

var backends = []runtime.Backend{runtime.IOUring, runtime.Epoll, runtime.Portable}

// TestPrograms runs random programs on every engine, plain and under faults. The seed
// that rapid prints for one that failed repeats its steps and its faults.
func TestPrograms(t *testing.T) {
	require.NoError(t, flag.Set("rapid.nofailfile", "true"))
	seed := *modelSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-model.seed=%d", seed)
	began, total := time.Now(), 0
	strained, onRing := 0, 0 // under faults; of these, on an engine that enters
	var fired [faults.KindCount]uint64
	for i, b := range backends {
		for j, mode := range modes {
			t.Run(b.String()+"/"+mode.name, func(t *testing.T) {
				l := newLab(t, b, j)
				l.want = (*modelPrograms + len(backends)*len(modes) - 1) / (len(backends) * len(modes))
				l.seeds = rand.New(rand.NewPCG(seed, uint64(i*len(modes)+j)))
				l.runFor(t, *modelTime)
				if total += l.sound; mode.faults == nil {
					return
				}
				if strained += l.sound; b == runtime.IOUring {
					onRing += l.sound
				}
				for k := range faults.KindCount {
					fired[k] += l.faults.Counts.Of(k)
				}
			})
		}
	}
	for k := range faults.KindCount {
		datagrams := k == faults.LostDatagram || k == faults.NoBuffers
		programs := strained
		if k == faults.RefusedEnter {
			programs = onRing
		}
		if programs >= telling && !datagrams && !t.Failed() {
			require.NotZero(t, fired[k], "no %v in %d programs", k, programs)
		}
	}
	report(t, "model: %d programs in %v, -model.seed=%d", total, time.Since(began).Round(time.Second), seed)
}

// telling is how many programs make sure to meet everything that they can meet.
const telling = 1000

// report logs, and prints where programs are counted: that is a run of its own.
func report(t *testing.T, format string, args ...any) {
	if *modelPrograms == 0 {
		t.Logf(format, args...)
		return
	}
	fmt.Printf(format+"\n", args...)
}

// lab has runtimes for programs. One serves many of them.
type lab struct {
	machine
	cfg      runtime.Config
	faults   faults.Config
	reseed   atomic.Uint64 // the faults of a program start with its own seed
	seeds    *rand.Rand    // of batches of programs
	want     int           // sound programs; 0 for as many as there is time for
	programs int
	sound    int // of these, those that were not void

	starved, overflows uint64 // of buffers; of completions
}

// newLab returns a lab for one engine and one of the modes.
func newLab(t *testing.T, b runtime.Backend, m int) *lab {
	l := &lab{machine: machine{sinks: make([]*os.File, 0, 2*maxLinks)}, cfg: runtime.Config{
		Backend: b, Loops: 2, RecvBuffers: 16, RecvBufferSize: 4 << 10,
		UnreadHigh: unreadHigh, UnsentHigh: 128 << 10,
		StallThreshold: -1,
		Sizes:          runtime.Sizes{Splice: 1}, // as soon as a relay can
	}}
	mode := modes[m]
	if mode.tight {
		l.cfg.RecvBuffers = 2
	}
	l.full = mode.faults != nil
	if l.resets = mode.resets; mode.faults != nil {
		l.faults = mode.faults(0)
		l.faults.Reseed, l.faults.Counts = &l.reseed, &faults.Counts{}
		l.faults.Fail = func(err error) { l.fail(err) }
		l.cfg.WrapEngine = func(open driver.Open) driver.Open {
			return faults.Wrap(func(cfg *driver.Config) (driver.Engine, error) {
				if mode.tight {
					cfg.Entries = 2
				}
				return open(cfg)
			}, l.faults)
		}
	}
	l.host, l.dir = ownHost(), t.TempDir()
	l.file, l.short = patternFile(t, 2*period), patternFile(t, period)
	for range cap(l.sinks) {
		l.sinks = append(l.sinks, emptyFile(t))
	}
	drivertest.MustRun(t, b.String(), l.start())
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
	e := l.rt.Stats().Total().Engine
	l.starved += e.NoBuffers
	l.overflows += e.Overflows
	err := l.rt.Close()
	l.rt = nil
	return err
}

// perRuntime is how many programs a runtime serves.
const perRuntime = 25

// one runs a program.
func (l *lab) one(p program) error {
	l.reseed.Store(p.seed)
	if err := l.start(); err != nil {
		return err
	}
	l.links, l.errors = nil, nil
	err := l.run(p)
	if l.programs++; !l.void.Load() {
		l.sound++
	}
	if err != nil || p.ends != "finish" || l.void.Load() || l.programs%perRuntime == 0 {
		err = errors.Join(err, l.stop())
	}
	return err
}

// runFor runs as many programs as are wanted, or until time is up.
func (l *lab) runFor(t *testing.T, d time.Duration) {
	defer func() {
		require.NoError(t, l.stop())
		if l.cfg.Backend == runtime.IOUring && l.cfg.RecvBuffers < 16 && l.sound >= telling && !t.Failed() {
			require.NotZero(t, l.starved, "no receive without buffers")
			require.NotZero(t, l.overflows, "no completion without room")
		}
	}()
	began := time.Now()
	enough := func() bool {
		if l.want > 0 {
			return l.sound >= l.want
		}
		return l.programs > 0 && time.Since(began) > d
	}
	given := flag.Lookup("rapid.seed").Value.String()
	defer func() { require.NoError(t, flag.Set("rapid.seed", given)) }()
	for !enough() && !t.Failed() {
		if given == "0" {
			require.NoError(t, flag.Set("rapid.seed", strconv.FormatUint(l.seeds.Uint64()|1, 10)))
		}
		rapid.Check(quiet{t}, func(rt *rapid.T) {
			p := drawProgram(rt)
			if !rt.Failed() && enough() {
				return // rapid wants its hundred
			}
			if err := l.one(p); err != nil {
				rt.Fatalf("%v\n%v", p, err)
			}
		})
	}
	report(t, "%s: %d programs and %d void ones in %v", t.Name(), l.sound, l.programs-l.sound,
		time.Since(began).Round(time.Millisecond))
}

// quiet is a test that does not say of each hundred programs that they passed.
type quiet struct{ *testing.T }

func (q quiet) Logf(format string, args ...any) {
	if q.Failed() {
		q.T.Logf(format, args...)
	}
}
