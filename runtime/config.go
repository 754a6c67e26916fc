package runtime

import (
	"cmp"
	"fmt"
	"io/fs"
	"log/slog"
	"math/bits"
	"net"
	goruntime "runtime"
	"time"

	"github.com/headrace/headrace/ring/probe"
	"github.com/headrace/headrace/runtime/driver"
)

// Config configures a [Runtime]. Its zero value and a nil *Config are good; zero
// fields mean the default that their comment names. New copies it.
type Config struct {
	// Backend is the engine: Auto takes the best there is. The environment
	// variable HEADRACE_BACKEND overrides it.
	Backend Backend

	// Loops is the number of loops, up to 4096; default GOMAXPROCS. If handlers and
	// fibers do nearly all of the work, set that to one more afterwards
	// (docs/operating.md).
	Loops int

	// Logger receives rare events: the decision for an engine, with the features
	// that it does without, panics of handlers, stalls. Default: none.
	Logger *slog.Logger

	// RecvBuffers is how many buffers each loop keeps ready for receiving and
	// RecvBufferSize their size in bytes; powers of two, up to 32768 and from 1 KiB on,
	// default 128 and 16 KiB.
	RecvBuffers    int
	RecvBufferSize int

	// MaxMemory bounds the pooled memory of all loops together and what the kernel
	// keeps in pipes for their relays, in bytes; default 1 GiB. It is mapped as it is
	// needed. With less than RecvBufferSize for each loop one of them could receive
	// nothing: that is an error.
	MaxMemory int64

	// HugePages asks for pooled memory in huge pages, where there are any.
	HugePages bool

	// WipeBuffers overwrites pooled memory with zeros when it is released.
	WipeBuffers bool

	// UnreadHigh is how many bytes of buffers a connection may hold received and
	// unread before reading pauses, until they are down to UnreadLow. Default
	// 512 KiB and half of UnreadHigh.
	UnreadHigh, UnreadLow int

	// UnsentHigh is how many bytes may wait to be sent before the connection's own
	// reading pauses and fibers block, until they are down to UnsentLow. Default
	// 512 KiB and half of UnsentHigh. Two peers that both send more than all queues
	// between them hold, and this, wait for each other.
	UnsentHigh, UnsentLow int

	// UnsentMax closes a connection with more than so many bytes of pooled memory
	// unsent, with ErrUnsentLimit; default 64 MiB. Memory of the program's own, as
	// buffers.Wrap brings it, does not count.
	UnsentMax int

	// Sizes is the size policy.
	Sizes Sizes

	// IdleTimeout closes connections on which nothing moves; default never.
	IdleTimeout time.Duration

	// WriteTimeout closes a connection with ErrSlowPeer when its peer takes no
	// byte for so long; default never.
	WriteTimeout time.Duration

	// LingerTimeout is how long Close waits without progress for a peer to take
	// what was queued before it; default 10 s, negative for no limit.
	LingerTimeout time.Duration

	// KeepAlive is the TCP keep-alive of accepted and dialed connections. It is on
	// whatever Enable says; as with package net a zero field is a default (15 s, 15 s,
	// 9) and a negative one leaves the system's. All three negative switch it off.
	KeepAlive net.KeepAliveConfig

	// MaxConns is how many connections of a runtime stop its listeners; they go on
	// below. It is no exact bound: those that had come when a listener stops are
	// served, which with io_uring may be all of its queue (ListenConfig.Backlog), with
	// the other engines some of it. Dialed and adopted connections count and are not
	// refused. Default: no limit but the system's.
	MaxConns int

	// CrashOnPanic lets a panic in a handler end the program. By default it ends
	// the connection, with its stack in the log.
	CrashOnPanic bool

	// StallThreshold logs the stack of a loop that callbacks held for longer;
	// default 100 ms, negative for never.
	StallThreshold time.Duration

	// BusyPoll is how long a loop looks for completions before it sleeps: a peer that
	// answers in that time finds the loop awake. It costs a core's time, and shortens
	// the answer to who asks alone; loops with much to do never come to it, and
	// those that look in vain do so less and less often. 20 to 50 µs are sensible.
	// Default: none; at most a second.
	BusyPoll time.Duration

	// BatchWait is how long a loop that is busy with files and relays lets completions
	// gather before it handles them: they then share one waking, as packets share a
	// network card's moderated interrupt. What other goroutines post waits with them. Loops
	// for which the kernel moved bytes of fewer than 32 sockets in the last 10 ms, of 12 if
	// pieces are large (sendfile(2), splice(2)), or that slept for four fifths of it, do
	// not wait. Default 100 µs, at most 10 ms; negative for never, and so with BusyPoll.
	BatchWait time.Duration

	// Hooks are told of connections and of what goes wrong.
	Hooks Hooks

	// FileWorkers bounds each loop's helper threads for files; default 2.
	FileWorkers int

	// Disable names kernel features not to use, by ring/probe's ids
	// (probe.Catalogue), recv_multishot_unix and udp_segment.
	Disable []string

	// WrapEngine, if not nil, is given the function that opens an engine and returns
	// the one to use. It is for tests, as with runtime/driver/faults.
	WrapEngine func(driver.Open) driver.Open

	// RestrictOps makes the kernel refuse operations that the io_uring engine does
	// not use (IORING_REGISTER_RESTRICTIONS, Linux 5.10).
	RestrictOps bool

	// RegisterBuffers has io_uring read and write files through registered (locked)
	// pooled memory, too, which otherwise zero-copy sends alone do. It measured no
	// faster for files in the page cache and keeps more memory resident.
	RegisterBuffers bool

	probeFS fs.FS // what ring/probe reads, for tests
}

// ringEntries is the size of an engine's submission queue.
const ringEntries = 256

// defaultHigh is the default of UnreadHigh and UnsentHigh.
const defaultHigh = 512 << 10

// Clone returns a copy. Clone of nil is a zero Config.
func (c *Config) Clone() *Config {
	if c == nil {
		return &Config{}
	}
	d := *c
	d.Disable = append([]string(nil), c.Disable...)
	return &d
}

func (c *Config) validate() error {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Loops", int64(c.Loops)}, {"RecvBuffers", int64(c.RecvBuffers)},
		{"RecvBufferSize", int64(c.RecvBufferSize)}, {"MaxMemory", c.MaxMemory},
		{"UnreadHigh", int64(c.UnreadHigh)}, {"UnreadLow", int64(c.UnreadLow)},
		{"UnsentHigh", int64(c.UnsentHigh)}, {"UnsentLow", int64(c.UnsentLow)},
		{"UnsentMax", int64(c.UnsentMax)}, {"MaxConns", int64(c.MaxConns)},
		{"FileWorkers", int64(c.FileWorkers)},
		{"Sizes.Coalesce", int64(c.Sizes.Coalesce)}, {"Sizes.Open", int64(c.Sizes.Open)},
		{"Sizes.InlineFile", int64(c.Sizes.InlineFile)}, {"Sizes.FileWindow", c.Sizes.FileWindow},
		{"Sizes.FileWrite", int64(c.Sizes.FileWrite)}, {"Sizes.Direct", int64(c.Sizes.Direct)},
		{"Sizes.Bulk", int64(c.Sizes.Bulk)},
	} {
		if f.value < 0 {
			return fmt.Errorf("runtime: Config.%s is negative (%d)", f.name, f.value)
		}
	}
	for _, f := range []struct {
		name  string
		value time.Duration
	}{
		{"IdleTimeout", c.IdleTimeout}, {"WriteTimeout", c.WriteTimeout}, {"BusyPoll", c.BusyPoll},
	} {
		if f.value < 0 {
			return fmt.Errorf("runtime: Config.%s is negative (%v)", f.name, f.value)
		}
	}
	const maxLoops, maxBusyPoll, maxBatchWait = 4096, time.Second, 10 * time.Millisecond
	for _, name := range c.Disable {
		if !probe.Known(name) {
			return fmt.Errorf("runtime: Config.Disable names an unknown feature (%q); "+
				"they are those of probe.Catalogue, as recv_multishot", name)
		}
	}
	switch {
	case c.Backend > Portable:
		return fmt.Errorf("runtime: Config.Backend is unknown (%d)", uint8(c.Backend))
	case c.Loops > maxLoops:
		return fmt.Errorf("runtime: Config.Loops is %d, more than %d", c.Loops, maxLoops)
	case c.BusyPoll > maxBusyPoll:
		return fmt.Errorf("runtime: Config.BusyPoll is %v, more than %v", c.BusyPoll, maxBusyPoll)
	case c.BatchWait > maxBatchWait:
		return fmt.Errorf("runtime: Config.BatchWait is %v, more than %v", c.BatchWait, maxBatchWait)
	case c.RecvBuffers != 0 && (bits.OnesCount(uint(c.RecvBuffers)) != 1 || c.RecvBuffers > 1<<15):
		return fmt.Errorf("runtime: Config.RecvBuffers is %d, not a power of two up to 32768", c.RecvBuffers)
	case c.RecvBufferSize != 0 && (bits.OnesCount(uint(c.RecvBufferSize)) != 1 || c.RecvBufferSize < 1<<10):
		return fmt.Errorf("runtime: Config.RecvBufferSize is %d, not a power of two from 1024", c.RecvBufferSize)
	case c.UnreadLow > cmp.Or(c.UnreadHigh, defaultHigh):
		return fmt.Errorf("runtime: Config.UnreadLow (%d) is above UnreadHigh (%d)", c.UnreadLow,
			cmp.Or(c.UnreadHigh, defaultHigh))
	case c.UnsentLow > cmp.Or(c.UnsentHigh, defaultHigh):
		return fmt.Errorf("runtime: Config.UnsentLow (%d) is above UnsentHigh (%d)", c.UnsentLow,
			cmp.Or(c.UnsentHigh, defaultHigh))
	}
	return nil
}

func (c *Config) populate() {
	def := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	def(&c.Loops, goruntime.GOMAXPROCS(0))
	def(&c.RecvBuffers, 128)
	def(&c.RecvBufferSize, 16<<10)
	def(&c.UnreadHigh, defaultHigh)
	def(&c.UnreadLow, c.UnreadHigh/2)
	def(&c.UnsentHigh, defaultHigh)
	def(&c.UnsentLow, c.UnsentHigh/2)
	def(&c.UnsentMax, 64<<20)
	def(&c.FileWorkers, 2)
	if c.MaxMemory == 0 {
		c.MaxMemory = 1 << 30
	}
	if c.LingerTimeout == 0 {
		c.LingerTimeout = 10 * time.Second
	}
	if c.BatchWait == 0 {
		c.BatchWait = 100 * time.Microsecond
	}
	if c.StallThreshold == 0 {
		c.StallThreshold = 100 * time.Millisecond
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Sizes.populate()
}

// checkMemory tells whether there is a receive buffer for each loop, once defaults are in.
func (c *Config) checkMemory() error {
	if need := int64(c.Loops) * int64(c.RecvBufferSize); c.MaxMemory < need {
		return fmt.Errorf("runtime: Config.MaxMemory is %d, less than a receive buffer for each loop (%d)",
			c.MaxMemory, need)
	}
	return nil
}

// batchWait is BatchWait as an engine takes it.
func (c *Config) batchWait() time.Duration {
	if c.BusyPoll > 0 {
		return 0
	}
	return max(c.BatchWait, 0)
}
