//go:build linux

package epoll

import (
	"fmt"
	"io"
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

// TestCloseReadOfDatagrams: what is queued comes, and then the end, whether a receive
// waits or is yet to come.
func TestCloseReadOfDatagrams(t *testing.T) {
	for _, network := range []string{"udp4", "unixgram"} {
		for _, waits := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, waits %v", network, waits), func(t *testing.T) {
				l := open(t, nil)
				s, err := l.Listen(network, nil, nil)
				require.NoError(t, err)
				var r *call
				if waits {
					r = l.start(driver.RecvFrom, s, nil)
					l.turns(2)
				} else {
					send := l.start(driver.SendTo, s, func(c *call) {
						c.out.Append(buffers.Wrap([]byte("queued"), nil))
						c.ext.Remote = l.LocalAddr(s)
					})
					require.NoError(t, l.end(send).Err)
				}
				require.NoError(t, l.CloseRead(s))
				if !waits {
					r = l.start(driver.RecvFrom, s, nil)
				}
				require.Equal(t, io.EOF, l.end(r).Err)
				require.Equal(t, !waits, string(r.data) == "queued")
				r = l.start(driver.RecvFrom, s, nil)
				require.Equal(t, io.EOF, l.end(r).Err)
			})
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

// TestDatagramsInOneCall: the sends of a turn leave together. One that fails, or that has
// more pieces than fit, costs the others nothing, and the order stays.
func TestDatagramsInOneCall(t *testing.T) {
	l := open(t, nil)
	s, err := l.Listen("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
	require.NoError(t, err)
	to, err := l.Listen("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
	require.NoError(t, err)
	type want struct {
		pieces, size int
		to           net.Addr
		err          error
	}
	peer, ip6 := l.LocalAddr(to), &net.UDPAddr{IP: net.IPv6loopback, Port: 9}
	for name, wants := range map[string][]want{
		"alike":         {{1, 10, peer, nil}, {1, 11, peer, nil}, {1, 12, peer, nil}},
		"the first bad": {{1, 10, ip6, unix.EAFNOSUPPORT}, {1, 11, peer, nil}, {1, 12, peer, nil}},
		"one bad":       {{1, 10, peer, nil}, {1, 11, ip6, unix.EAFNOSUPPORT}, {1, 12, peer, nil}},
		"the last bad":  {{1, 10, peer, nil}, {1, 11, peer, nil}, {1, 12, ip6, unix.EAFNOSUPPORT}},
		"only bad":      {{1, 10, ip6, unix.EAFNOSUPPORT}, {1, 11, ip6, unix.EAFNOSUPPORT}},
		"too long": {
			{1, 10, peer, nil}, {1, 65530, peer, unix.EMSGSIZE}, {3, 30000, peer, unix.EMSGSIZE}, {1, 9, peer, nil},
		},
		"many pieces": {
			{60, 10, peer, nil}, {10, 10, peer, nil}, {200, 10, peer, nil}, {64, 10, peer, nil}, {1, 10, peer, nil},
		},
		"empty ones": {{0, 0, peer, nil}, {64, 1, peer, nil}, {0, 0, peer, nil}, {1, 0, peer, nil}},
		"refused":    {{1, 10, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, unix.EINVAL}, {1, 10, peer, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			r := l.start(driver.RecvFrom, to, nil)
			var calls []*call
			var sizes []int
			for i, w := range wants {
				calls = append(calls, l.start(driver.SendTo, s, func(c *call) {
					c.ext.Remote = w.to
					for range w.pieces {
						p := make([]byte, w.size)
						for j := range p {
							p[j] = byte(i)
						}
						c.out.Append(buffers.Wrap(p, nil))
					}
				}))
				if w.err == nil {
					sizes = append(sizes, w.pieces*w.size)
				}
			}
			for i, c := range calls {
				got := l.end(c)
				require.Equal(t, wants[i].err, got.Err, "send %d", i)
				if got.Err == nil {
					require.Equal(t, wants[i].pieces*wants[i].size, got.N, "send %d", i)
				}
				c.out.Release()
			}
			l.until("what was sent", func() bool { return len(r.all) == len(sizes) })
			require.Equal(t, sizes, r.lens)
			l.Cancel(&r.op)
			l.end(r)
		})
	}
}

// TestDatagramsPerCall: a turn of n sends takes n/maxSends calls, or the bytes of
// sendMax each.
func TestDatagramsPerCall(t *testing.T) {
	l := open(t, nil)
	s, err := l.Listen("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
	require.NoError(t, err)
	for _, test := range []struct{ count, size, sends int }{
		{1, 10, 1}, {maxSends, 10, maxSends}, {maxSends + 1, 10, maxSends}, {maxSends, sendMax / 20, 21},
	} {
		var c *call
		for range test.count {
			c = l.start(driver.SendTo, s, func(c *call) {
				c.ext.Remote = l.LocalAddr(s)
				c.out.Append(buffers.Wrap(make([]byte, test.size), nil))
			})
			defer c.out.Release()
		}
		e := l.engine
		e.running, e.submitted = e.submitted, nil
		for _, slot := range e.running {
			e.run(slot)
		}
		entry, ok := e.lookup(s)
		require.True(t, ok)
		before := len(e.done)
		e.sendDatagrams(uint32(s), entry)
		require.Len(t, e.done[before:], test.sends, "%d of %d bytes", test.count, test.size)
		e.pumpDatagrams()
		require.NoError(t, l.end(c).Err)
	}
}
