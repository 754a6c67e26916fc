//go:build linux

package epoll

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// TestUnixgramQueueFull: nor when an unconnected datagram socket's peer has.
func TestUnixgramQueueFull(t *testing.T) {
	l := open(t, nil)
	to, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unixgram"})
	require.NoError(t, err)
	defer to.Close()
	s, err := l.Listen("unixgram", nil, nil)
	require.NoError(t, err)
	in, err := l.Listen("unixgram", nil, nil)
	require.NoError(t, err)
	const grams = 2000
	sent := 0
	var calls []*call
	for range grams {
		calls = append(calls, l.start(driver.SendTo, s, func(c *call) {
			c.out.Append(buffers.Wrap([]byte("x"), nil))
			c.ext.Remote = to.LocalAddr()
		}))
	}
	_, err = l.Poll(0)
	require.NoError(t, err)
	// While the sends wait, the socket receives.
	r := l.start(driver.RecvFrom, s, nil)
	back := l.start(driver.SendTo, in, func(c *call) {
		c.out.Append(buffers.Wrap([]byte("back"), nil))
		c.ext.Remote = l.LocalAddr(s)
	})
	require.NoError(t, l.end(back).Err)
	l.until("an answer", func() bool { return string(r.data) == "back" })
	require.False(t, calls[grams-1].end, "the queue was to be full")
	go func() {
		for range grams {
			_, _ = to.Read(make([]byte, 1))
		}
	}()
	for _, c := range calls {
		require.NoError(t, l.end(c).Err)
		sent += c.last().N
		c.out.Release()
	}
	require.Equal(t, grams, sent)
}

// TestDatagramsOfManySockets: what comes with a datagram stays until it is
// delivered, also when others come in the same turn.
func TestDatagramsOfManySockets(t *testing.T) {
	l := open(t, nil)
	var calls []*call
	var want []string
	for range 20 {
		s, err := l.Listen("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
		require.NoError(t, err)
		peer, err := net.Dial("udp", l.LocalAddr(s).String())
		require.NoError(t, err)
		defer peer.Close()
		for range 5 {
			_, err = peer.Write([]byte(peer.LocalAddr().String() + " "))
			require.NoError(t, err)
		}
		want = append(want, peer.LocalAddr().String())
		calls = append(calls, l.start(driver.RecvFrom, s, nil))
	}
	for i, c := range calls {
		l.until("five datagrams", func() bool { return len(c.all) == 5 })
		for _, from := range c.from {
			require.Equal(t, want[i], from)
		}
	}
}

// TestDatagramOfManyPieces: all or nothing, also of more than one call gathers.
func TestDatagramOfManyPieces(t *testing.T) {
	l := open(t, nil)
	s, err := l.Listen("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
	require.NoError(t, err)
	r := l.start(driver.RecvFrom, s, nil)
	send := func(pieces, size int) driver.Result {
		c := l.start(driver.SendTo, s, func(c *call) {
			c.ext.Remote = l.LocalAddr(s)
			for range pieces {
				c.out.Append(buffers.Wrap(make([]byte, size), nil))
			}
		})
		defer c.out.Release()
		return l.end(c)
	}
	require.Equal(t, driver.Result{N: 3 * maxSegments * 10}, send(3*maxSegments, 10))
	l.until("the datagram", func() bool { return len(r.data) == 3*maxSegments*10 })
	require.Equal(t, unix.EMSGSIZE, send(maxSegments, 2000).Err)
	require.Equal(t, unix.EMSGSIZE, send(1, 65530).Err)
	require.Equal(t, driver.Result{}, send(0, 0))
	l.until("an empty datagram", func() bool { return len(r.all) == 2 })
}
