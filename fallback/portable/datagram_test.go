package portable

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// datagrams is an owner of a RecvFrom.
type datagrams struct {
	op   driver.Op
	ext  driver.Ext
	lens []int
	cut  []bool
	err  error
}

func (d *datagrams) Complete(_ *driver.Op, res *driver.Result) {
	if d.err = res.Err; res.Chunk == nil {
		return
	}
	d.lens = append(d.lens, res.Chunk.Len())
	d.cut = append(d.cut, res.Msg.Truncated)
	res.Chunk.Release()
}

// recvDatagrams starts a RecvFrom of datagrams up to longest, and returns a peer.
func recvDatagrams(t *testing.T, e *engine, longest int64) (*datagrams, net.Conn) {
	t.Helper()
	s, err := e.Listen("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
	require.NoError(t, err)
	peer, err := net.Dial("udp4", e.LocalAddr(s).String())
	require.NoError(t, err)
	t.Cleanup(func() { peer.Close() })
	d := &datagrams{ext: driver.Ext{Len: longest}}
	d.op = driver.Op{Code: driver.RecvFrom, Owner: d, Socket: s, Ext: &d.ext}
	e.Submit(&d.op)
	return d, peer
}

func send(t *testing.T, peer net.Conn, n int) {
	t.Helper()
	_, err := peer.Write(make([]byte, n))
	require.NoError(t, err)
}

// TestDatagramAfterStarving: one that found no memory comes as whole as any other.
func TestDatagramAfterStarving(t *testing.T) {
	e := openSizes(t, recvSize, 8*recvSize)
	all := takeAll(e)
	d, peer := recvDatagrams(t, e, 5*recvSize)
	for _, n := range []int{3 * recvSize, 5 * recvSize, 5*recvSize + 1} {
		send(t, peer, n)
	}
	until(t, e, func() bool { return !e.hungry.empty() })
	for _, c := range all {
		c.Release()
	}
	until(t, e, func() bool { return len(d.lens) == 3 })
	require.Equal(t, []int{3 * recvSize, 5 * recvSize, 5 * recvSize}, d.lens)
	require.Equal(t, []bool{false, false, true}, d.cut)
}

// TestDatagramLongerThanBlocks: what no block holds is cut.
func TestDatagramLongerThanBlocks(t *testing.T) {
	e := open(t)
	d, peer := recvDatagrams(t, e, 2*recvSize)
	send(t, peer, recvSize)
	send(t, peer, recvSize+1)
	until(t, e, func() bool { return len(d.lens) == 2 })
	require.Equal(t, []int{recvSize, recvSize}, d.lens)
	require.Equal(t, []bool{false, true}, d.cut)
}

// TestIdleDatagramsHoldNothing: receives of datagrams that wait keep no memory from
// others.
func TestIdleDatagramsHoldNothing(t *testing.T) {
	e := open(t)
	for range 2 * blocks {
		d, peer := recvDatagrams(t, e, 0)
		send(t, peer, 100)
		until(t, e, func() bool { return len(d.lens) == 1 })
	}
	require.Zero(t, holders(e))
	require.Zero(t, e.pool.Stats().Chunks)
	r, far := recvOn(t, e)
	send(t, far, 5)
	until(t, e, func() bool { return r.n == 5 })
}

// TestCancelHungryDatagram: one that was received is delivered, memory or not, also
// behind others that wait.
func TestCancelHungryDatagram(t *testing.T) {
	e := open(t)
	all := takeAll(e)
	first, peer := recvDatagrams(t, e, 0)
	send(t, peer, 10)
	until(t, e, func() bool { return !e.hungry.empty() })
	second, peer := recvDatagrams(t, e, 0)
	send(t, peer, 20)
	until(t, e, func() bool { return e.hungry.first != e.hungry.last })
	e.Cancel(&second.op)
	until(t, e, func() bool { return !second.op.InFlight() })
	require.Equal(t, []int{20}, second.lens)
	require.Equal(t, driver.ErrCanceled, second.err)
	require.Empty(t, first.lens)
	for _, c := range all {
		c.Release()
	}
	until(t, e, func() bool { return len(first.lens) == 1 })
	require.Equal(t, []int{10}, first.lens)
}

// takeAll takes all memory of e's pool.
func takeAll(e *engine) (all []*buffers.Chunk) {
	for c := e.pool.Get(1 << 30); c != nil; c = e.pool.Get(1 << 30) {
		all = append(all, c)
	}
	for c := e.pool.Get(1); c != nil; c = e.pool.Get(1) {
		all = append(all, c)
	}
	return all
}
