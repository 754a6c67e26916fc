//go:build linux

package uring

import (
	"log/slog"
	"net"
	goruntime "runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
	"github.com/headrace/headrace/runtime/driver/drivertest"
)

// patience is how long a test waits for what must come. It decides nothing.
const patience = 20 * time.Second

// rig is an engine on a locked thread, with its pool.
type rig struct {
	t testing.TB
	*engine
}

type rigConfig struct {
	driver.Config
	Budget int64
}

// newRig opens an engine on the test's own goroutine.
func newRig(t testing.TB, set func(*rigConfig)) *rig {
	t.Helper()
	goruntime.LockOSThread()
	t.Cleanup(goruntime.UnlockOSThread)
	cfg := rigConfig{Config: driver.Config{
		Logger: slog.New(slog.DiscardHandler), Entries: 64, RecvBuffers: 16, RecvBufferSize: 2 << 10,
	}}
	if set != nil {
		set(&cfg)
	}
	var budget *buffers.Budget
	if cfg.Budget > 0 {
		budget = buffers.NewBudget(cfg.Budget)
	}
	pool, err := buffers.NewPool(&buffers.Config{Budget: budget, SegmentSize: 32 << 10})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	cfg.Pool = pool
	eng, err := Open(&cfg.Config)
	drivertest.MustRun(t, "io_uring", err)
	r := &rig{t: t, engine: eng.(*engine)}
	t.Cleanup(func() {
		require.NoError(t, eng.Close())
		require.Zero(t, r.slots.used)
	})
	return r
}

// until polls until ok says so.
func (r *rig) until(ok func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		_, err := r.Poll(100 * time.Millisecond)
		require.NoError(r.t, err)
		require.True(r.t, time.Now().Before(deadline), "nothing more happens")
	}
}

// turn polls once without waiting.
func (r *rig) turn() {
	r.t.Helper()
	_, err := r.Poll(0)
	require.NoError(r.t, err)
}

// record is an operation that remembers what completed it.
type record struct {
	op     driver.Op
	got    []driver.Result
	data   []byte
	ended  bool
	err    error
	n      int
	on     func(r *driver.Result)
	retain bool // keep chunks
	chunks []*buffers.Chunk
}

func (o *record) Complete(op *driver.Op, r *driver.Result) {
	o.got = append(o.got, *r)
	if r.Chunk != nil {
		o.data = append(o.data, r.Chunk.Bytes()...)
		if o.retain {
			o.chunks = append(o.chunks, r.Chunk)
		} else {
			r.Chunk.Release()
		}
	}
	o.n += r.N
	if !r.More {
		o.ended, o.err = true, r.Err
	}
	if o.on != nil {
		o.on(r)
	}
}

func (r *rig) submit(code driver.Code, s driver.Socket, set func(*driver.Op)) *record {
	o := &record{}
	o.op = driver.Op{Code: code, Owner: o, Socket: s}
	if set != nil {
		set(&o.op)
	}
	r.Submit(&o.op)
	return o
}

func (r *rig) release(chunks ...*buffers.Chunk) {
	for _, c := range chunks {
		c.Release()
	}
}

// chain makes a chain of pooled memory.
func (r *rig) chain(parts ...string) *buffers.Chain {
	c := &buffers.Chain{}
	for _, p := range parts {
		k := r.pool.Get(len(p))
		require.NotNil(r.t, k)
		copy(k.Room(), p)
		k.Extend(len(p))
		c.Append(k)
	}
	return c
}

// pair returns two connected stream sockets, one of the engine's and one to use
// with blocking calls.
func (r *rig) pair() (driver.Socket, int) {
	r.t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(r.t, err)
	require.NoError(r.t, syscall.SetNonblock(fds[0], true))
	r.t.Cleanup(func() { syscall.Close(fds[1]) })
	return r.adopt(fds[0]), fds[1]
}

func (r *rig) close(s driver.Socket) {
	r.t.Helper()
	o := r.submit(driver.Close, s, nil)
	r.until(func() bool { return o.ended })
	require.NoError(r.t, o.err)
}

func (r *rig) listen() (driver.Socket, string) {
	r.t.Helper()
	s, err := r.Listen("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &driver.ListenConfig{})
	require.NoError(r.t, err)
	return s, r.LocalAddr(s).String()
}
