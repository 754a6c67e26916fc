//go:build linux

package epoll

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// BenchmarkSendTo sends a datagram to each of 32 peers a turn, which nobody reads.
func BenchmarkSendTo(b *testing.B) {
	pool, err := buffers.NewPool(nil)
	require.NoError(b, err)
	e, err := Open(&driver.Config{Pool: pool})
	require.NoError(b, err)
	local := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	s, err := e.Listen("udp4", local, nil)
	require.NoError(b, err)
	var calls [32]call
	for i := range calls {
		peer, err := net.ListenUDP("udp4", local)
		require.NoError(b, err)
		b.Cleanup(func() { peer.Close() })
		c := &calls[i]
		c.ext.Remote = peer.LocalAddr()
		c.out.Append(buffers.Wrap(make([]byte, 64), nil))
		c.op = driver.Op{Code: driver.SendTo, Socket: s, Owner: c, Ext: &c.ext, Chain: &c.out}
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range calls {
			calls[i].all = calls[i].all[:0]
			e.Submit(&calls[i].op)
		}
		for calls[len(calls)-1].op.InFlight() {
			if _, err := e.Poll(0); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(calls)), "ns/datagram")
	require.NoError(b, e.Close())
	require.NoError(b, pool.Close())
}
