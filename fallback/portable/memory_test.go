package portable

import (
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

const (
	recvSize = 4096
	blocks   = 4
	patience = 30 * time.Second
)

// reader is an owner that counts and drops what it receives, or keeps it.
type reader struct {
	op   driver.Op
	n    int
	keep bool
	kept buffers.Chain
	err  error
}

func (r *reader) Complete(_ *driver.Op, res *driver.Result) {
	r.err = res.Err
	if res.Chunk == nil {
		return
	}
	r.n += res.Chunk.Len()
	if r.keep {
		r.kept.Append(res.Chunk)
	} else {
		res.Chunk.Release()
	}
}

// open returns an engine whose pool has few blocks.
func open(t *testing.T) *engine { return openSize(t, recvSize) }

func openSize(t *testing.T, size int) *engine { return openSizes(t, size) }

// openSizes receives into blocks of the first size.
func openSizes(t *testing.T, sizes ...int) *engine {
	segment := sizes[len(sizes)-1] * blocks
	pool, err := buffers.NewPool(&buffers.Config{
		BlockSizes:  sizes,
		SegmentSize: segment,
		Budget:      buffers.NewBudget(int64(segment * len(sizes))),
	})
	require.NoError(t, err)
	e, err := Open(&driver.Config{Pool: pool, Logger: slog.New(slog.DiscardHandler), RecvBufferSize: sizes[0]})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, e.Close())
		require.NoError(t, pool.Close())
	})
	return e.(*engine)
}

// pair returns the ends of a new connection.
func pair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	one, err := net.Dial("tcp4", ln.Addr().String())
	require.NoError(t, err)
	other, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { other.Close() })
	return one.(*net.TCPConn), other.(*net.TCPConn)
}

// recvOn attaches one end of a new connection, and returns the other.
func recvOn(t *testing.T, e *engine) (*reader, net.Conn) {
	t.Helper()
	near, far := pair(t)
	r := &reader{}
	s, err := e.Attach(near)
	require.NoError(t, err)
	r.op = driver.Op{Code: driver.Recv, Owner: r, Socket: s}
	e.Submit(&r.op)
	return r, far
}

func until(t *testing.T, e *engine, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); {
		require.True(t, time.Now().Before(deadline), "waited too long")
		_, err := e.Poll(10 * time.Millisecond) // what is waited for need be no completion
		require.NoError(t, err)
	}
}

// holders counts the chunks that reads wait with.
func holders(e *engine) (n int) {
	for _, fl := range e.flights {
		if fl.chunk != nil {
			n++
		}
	}
	return n
}

// TestIdleHoldsNothing: a receive that waits has no memory of the pool.
func TestIdleHoldsNothing(t *testing.T) {
	e := open(t)
	for range 3 * blocks {
		r, far := recvOn(t, e)
		_, err := far.Write(make([]byte, 100))
		require.NoError(t, err)
		until(t, e, func() bool { return r.n == 100 })
	}
	require.Zero(t, holders(e))
	require.Zero(t, e.pool.Stats().Chunks)
}

// TestScratchIsOurs: chunks as large as a scratch block are not taken for one.
func TestScratchIsOurs(t *testing.T) {
	e := openSize(t, scratchSize)
	r, far := recvOn(t, e)
	for n := scratchSize * 8; r.n < 8*n; {
		want := r.n + n
		_, err := far.Write(make([]byte, n))
		require.NoError(t, err)
		until(t, e, func() bool { return r.n == want })
	}
	require.LessOrEqual(t, len(e.scratches), 1)
}

// TestTakesBack: reads that were busy and now wait give their chunks to a receive
// that has bytes and none to put them in.
func TestTakesBack(t *testing.T) {
	e := open(t)
	for range blocks {
		r, far := recvOn(t, e)
		_, err := far.Write(make([]byte, scratchSize+recvSize)) // fills one block of each
		require.NoError(t, err)
		until(t, e, func() bool { return r.n == scratchSize+recvSize })
	}
	if holders(e) < blocks {
		t.Skip("the bytes came in other pieces")
	}
	r, far := recvOn(t, e)
	_, err := far.Write([]byte("hungry"))
	require.NoError(t, err)
	until(t, e, func() bool { return r.n == len("hungry") })
	until(t, e, func() bool { return holders(e) == 0 })
}

// TestCancelHungry: what was read, and could not be delivered for want of memory,
// is there for the next receive, on this engine or on another.
func TestCancelHungry(t *testing.T) {
	e := open(t)
	all := takeAll(e)
	r, far := recvOn(t, e)
	s := r.op.Socket
	_, err := far.Write([]byte("not to be lost"))
	require.NoError(t, err)
	until(t, e, func() bool { return !e.hungry.empty() })
	e.Cancel(&r.op)
	until(t, e, func() bool { return !r.op.InFlight() })
	require.Equal(t, driver.ErrCanceled, r.err)

	d, err := e.Detach(s)
	require.NoError(t, err)
	s, err = e.Attach(d)
	require.NoError(t, err)
	buf := make([]byte, 7)
	op := driver.Op{Code: driver.RecvInto, Owner: r, Socket: s, Buf: buf, Full: true}
	e.Submit(&op)
	until(t, e, func() bool { return !op.InFlight() })
	require.Equal(t, "not to ", string(buf))

	d, err = e.Detach(s)
	require.NoError(t, err)
	rest := make([]byte, 7)
	_, err = io.ReadFull(d.(net.Conn), rest)
	require.NoError(t, err)
	require.Equal(t, "be lost", string(rest))
	require.NoError(t, d.(io.Closer).Close())
	for _, c := range all {
		c.Release()
	}
}

// TestCancelLanded cancels between the read and its completion, without memory.
func TestCancelLanded(t *testing.T) {
	e := open(t)
	all := takeAll(e)
	r, far := recvOn(t, e)
	_, err := far.Write([]byte("kept"))
	require.NoError(t, err)
	for posted := false; !posted; {
		e.queue.mu.Lock()
		posted = !e.queue.posted.empty()
		e.queue.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	e.Cancel(&r.op)
	until(t, e, func() bool { return !r.op.InFlight() })
	require.Equal(t, driver.ErrCanceled, r.err)
	require.Zero(t, r.n)
	for _, c := range all {
		c.Release()
	}
	e.Submit(&r.op)
	until(t, e, func() bool { return r.n == len("kept") })
}
