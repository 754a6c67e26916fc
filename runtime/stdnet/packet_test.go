//go:build linux

package stdnet_test

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	goruntime "runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/stdnet"
)

// eachPacketConn runs f on package net's socket and on ours in each mode.
func eachPacketConn(t *testing.T, network string, f func(t *testing.T, c net.PacketConn)) {
	address := map[string]string{"udp4": "127.0.0.1:0", "udp6": "[::1]:0"}[network]
	t.Run("net", func(t *testing.T) {
		c, err := net.ListenPacket(network, address)
		if err != nil && network == "udp6" {
			t.Skip("no IPv6 here")
		}
		require.NoError(t, err)
		defer c.Close()
		f(t, c)
	})
	for _, mode := range []stdnet.Mode{stdnet.Auto, stdnet.Loop, stdnet.Poller} {
		t.Run(mode.String(), func(t *testing.T) {
			rt, err := runtime.New(&runtime.Config{Loops: 2})
			require.NoError(t, err)
			defer func() { require.NoError(t, rt.Close()) }()
			lc := stdnet.ListenConfig{Runtime: rt, Mode: mode}
			c, err := lc.ListenPacket(context.Background(), network, address)
			if err != nil && network == "udp6" {
				t.Skip("no IPv6 here")
			}
			require.NoError(t, err)
			defer c.Close()
			f(t, c)
		})
	}
}

func packetClient(t *testing.T, to net.Addr) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, to.(*net.UDPAddr))
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	t.Cleanup(func() { c.Close() })
	return c
}

func TestPacketEcho(t *testing.T) {
	for _, network := range []string{"udp4", "udp6"} {
		t.Run(network, func(t *testing.T) {
			eachPacketConn(t, network, func(t *testing.T, c net.PacketConn) {
				var wg sync.WaitGroup
				for range 2 { // readers at once
					wg.Go(func() {
						buf := make([]byte, 1<<16)
						for {
							n, from, err := c.ReadFrom(buf)
							if err != nil {
								return
							}
							if _, err := c.WriteTo(buf[:n], from); err != nil {
								t.Error(err)
							}
						}
					})
				}
				for k := range 3 {
					p := packetClient(t, c.LocalAddr())
					got := make([]byte, 1<<16)
					for _, n := range []int{0, 1, 64, 1400, 9000, 20_000, 60_000, 3} {
						sent := make([]byte, n)
						for i := range sent {
							sent[i] = byte(i + k ^ n)
						}
						_, err := p.Write(sent)
						require.NoError(t, err)
						m, err := p.Read(got)
						require.NoError(t, err)
						require.True(t, string(sent) == string(got[:m]), "%d bytes", n)
					}
				}
				require.NoError(t, c.Close())
				wg.Wait()
			})
		})
	}
}

func TestPacketDeadlines(t *testing.T) {
	eachPacketConn(t, "udp4", func(t *testing.T, c net.PacketConn) {
		buf := make([]byte, 10)
		require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
		_, _, err := c.ReadFrom(buf)
		requireTimeout(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Millisecond)))
		_, _, err = c.ReadFrom(buf)
		requireTimeout(t, err)
		require.NoError(t, c.SetDeadline(time.Time{}))
		read := make(chan error)
		go func() {
			_, _, err := c.ReadFrom(buf)
			read <- err
		}()
		time.Sleep(time.Millisecond) // most likely it waits by now; it need not
		require.NoError(t, c.SetDeadline(time.Unix(1, 0)))
		requireTimeout(t, <-read)
		_, err = c.WriteTo([]byte("x"), c.LocalAddr())
		requireTimeout(t, err)
		require.NoError(t, c.SetDeadline(time.Now().Add(math.MaxInt64))) // also for ever
		_, err = c.WriteTo([]byte("x"), c.LocalAddr())
		require.NoError(t, err)
		_, from, err := c.ReadFrom(buf)
		require.NoError(t, err)
		require.Equal(t, c.LocalAddr().String(), from.String())
	})
}

func requireTimeout(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	var op net.Error
	require.ErrorAs(t, err, &op)
	require.True(t, op.Timeout())
}

func TestPacketClose(t *testing.T) {
	eachPacketConn(t, "udp4", func(t *testing.T, c net.PacketConn) {
		read := make(chan error)
		for range 2 {
			go func() {
				_, _, err := c.ReadFrom(make([]byte, 10))
				read <- err
			}()
		}
		p := packetClient(t, c.LocalAddr())
		_, err := c.WriteTo([]byte("sent before Close"), p.LocalAddr())
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.ErrorIs(t, <-read, net.ErrClosed)
		require.ErrorIs(t, <-read, net.ErrClosed)
		buf := make([]byte, 100)
		n, err := p.Read(buf)
		require.NoError(t, err)
		require.Equal(t, "sent before Close", string(buf[:n]))
		for _, err := range []error{
			c.Close(), c.SetDeadline(time.Now()),
			func() error { _, err := c.WriteTo(nil, c.LocalAddr()); return err }(),
			func() error { _, _, err := c.ReadFrom(nil); return err }(),
		} {
			require.ErrorIs(t, err, net.ErrClosed)
			var op *net.OpError
			require.ErrorAs(t, err, &op)
		}
		again, err := net.ListenPacket("udp4", c.LocalAddr().String()) // the port is free
		require.NoError(t, err)
		require.NoError(t, again.Close())
	})
}

func TestPacketMessages(t *testing.T) {
	type messenger interface {
		ReadMsgUDP(b, oob []byte) (n, oobn, flags int, addr *net.UDPAddr, err error)
		WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error)
		WriteToUDP(b []byte, addr *net.UDPAddr) (int, error)
		SyscallConn() (syscall.RawConn, error)
		SetReadBuffer(int) error
		SetWriteBuffer(int) error
		File() (*os.File, error)
	}
	eachPacketConn(t, "udp4", func(t *testing.T, c net.PacketConn) {
		m := c.(messenger)
		require.NoError(t, m.SetReadBuffer(1<<20))
		require.NoError(t, m.SetWriteBuffer(1<<20))
		askTTL(t, m)
		p := packetClient(t, c.LocalAddr())
		_, err := p.Write([]byte("question, a long one"))
		require.NoError(t, err)
		buf, oob := make([]byte, 8), make([]byte, 200)
		n, oobn, flags, from, err := m.ReadMsgUDP(buf, oob)
		require.NoError(t, err)
		require.Equal(t, "question", string(buf[:n]))
		require.NotZero(t, flags, "it was cut")
		require.Equal(t, p.LocalAddr().String(), from.String())
		require.Positive(t, oobn)
		n, oobn, err = m.WriteMsgUDP([]byte("answer"), nil, from)
		require.NoError(t, err)
		require.Equal(t, 6, n+oobn)
		n, err = m.WriteToUDP([]byte("more"), from)
		require.NoError(t, err)
		require.Equal(t, 4, n)
		for _, want := range []string{"answer", "more"} {
			big := make([]byte, 100)
			n, err := p.Read(big)
			require.NoError(t, err)
			require.Equal(t, want, string(big[:n]))
		}
		_, err = c.WriteTo(make([]byte, 70_000), from)
		require.ErrorIs(t, err, syscall.EMSGSIZE)
		_, err = c.WriteTo(nil, &net.UnixAddr{Name: "x"})
		require.ErrorIs(t, err, syscall.EINVAL)
		f, err := m.File()
		require.NoError(t, err)
		require.NoError(t, f.Close())
	})
}

// TestPacketRawRead: who reads the descriptor itself, as quic-go does, gets every
// datagram that comes then.
func TestPacketRawRead(t *testing.T) {
	eachPacketConn(t, "udp4", func(t *testing.T, c net.PacketConn) {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		raw, err := c.(syscall.Conn).SyscallConn()
		require.NoError(t, err)
		p := packetClient(t, c.LocalAddr())
		for i := range 20 {
			ask := fmt.Sprint("number ", i)
			got := make(chan string, 1)
			if i == 0 {
				require.NoError(t, raw.Read(func(uintptr) bool { return true })) // from here on
			}
			go func() {
				buf := make([]byte, 100)
				var n int
				_ = raw.Read(func(fd uintptr) bool {
					n = rawRecv(fd, buf)
					return n >= 0
				})
				got <- string(buf[:max(n, 0)])
			}()
			_, err := p.Write([]byte(ask))
			require.NoError(t, err)
			require.Equal(t, ask, <-got)
			_, err = c.WriteTo([]byte(ask), p.LocalAddr())
			require.NoError(t, err)
			buf := make([]byte, 100)
			n, err := p.Read(buf)
			require.NoError(t, err)
			require.Equal(t, ask, string(buf[:n]))
		}
	})
}

// TestPacketSlowReader: what nobody reads stays in bounds, and comes when it is read.
func TestPacketSlowReader(t *testing.T) {
	eachPacketConn(t, "udp4", func(t *testing.T, c net.PacketConn) {
		_ = c.(interface{ SetReadBuffer(int) error }).SetReadBuffer(8 << 20)
		p := packetClient(t, c.LocalAddr())
		const sent = 150 // what any default queue holds
		for i := range sent {
			_, err := p.Write([]byte{byte(i)})
			require.NoError(t, err)
		}
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		for i := range sent {
			buf := make([]byte, 10)
			n, _, err := c.ReadFrom(buf)
			require.NoError(t, err)
			require.Equal(t, []byte{byte(i)}, buf[:n])
		}
	})
}

// TestPacketReaderBehind: a reader that never catches up costs no more than what it
// has not read.
func TestPacketReaderBehind(t *testing.T) {
	rt := newRuntime(t)
	if rt.Backend() == runtime.Portable {
		t.Skip("no datagrams on loops")
	}
	lc := stdnet.ListenConfig{Runtime: rt, Mode: stdnet.Loop}
	pc, err := lc.ListenPacket(context.Background(), "udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer pc.Close()
	c := pc.(*stdnet.UDPConn)
	p := packetClient(t, c.LocalAddr())
	buf := make([]byte, 10)
	guard := time.Now().Add(watchdog)
	for i := range 5000 {
		_, err := p.Write([]byte{byte(i)})
		require.NoError(t, err)
		if i == 0 {
			continue
		}
		for n, _ := c.Inbox(); n < 2; n, _ = c.Inbox() { // one stays unread
			require.True(t, time.Now().Before(guard))
			goruntime.Gosched()
		}
		n, _, err := c.ReadFromUDPAddrPort(buf)
		require.NoError(t, err)
		require.Equal(t, []byte{byte(i - 1)}, buf[:n])
	}
	_, room := c.Inbox()
	require.LessOrEqual(t, room, 1024)
}

// TestPacketPauses: a socket on a loop leaves to the kernel what is too much to hold, goes on when it was read, and
// counts what came, what went and what was lost.
func TestPacketPauses(t *testing.T) {
	const rounds, each, limit = 3, 2000, 256
	rt := newRuntime(t)
	if rt.Backend() == runtime.Portable {
		t.Skip("no datagrams on loops")
	}
	lc := stdnet.ListenConfig{Runtime: rt, Mode: stdnet.Loop}
	pc, err := lc.ListenPacket(context.Background(), "udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer pc.Close()
	c := pc.(*stdnet.UDPConn)
	require.NoError(t, c.SetReadBuffer(200<<10)) // for some hundreds
	require.NoError(t, c.SetReadDeadline(time.Now().Add(watchdog)))
	p := packetClient(t, c.LocalAddr())
	buf := make([]byte, 10)
	guard := time.Now().Add(watchdog)
	read := 0
	for round := range rounds {
		for i := range each {
			_, err := p.Write([]byte{byte(i), byte(i >> 8)})
			require.NoError(t, err)
		}
		n, room := c.Inbox()
		for ; n < limit; n, room = c.Inbox() {
			require.True(t, time.Now().Before(guard))
			goruntime.Gosched()
		}
		require.Equal(t, limit, n)
		require.LessOrEqual(t, room, 4*limit)
		last := -1
		for lost := int(c.Stats().KernelDrops); read+lost < (round+1)*each; read++ {
			n, _, err := c.ReadFromUDPAddrPort(buf)
			require.NoError(t, err)
			require.Equal(t, 2, n)
			i := int(buf[0]) | int(buf[1])<<8
			require.Greater(t, i, last)
			last = i
		}
	}
	_, err = c.WriteTo([]byte("answer"), p.LocalAddr())
	require.NoError(t, err)
	n, err := p.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "answer", string(buf[:n]))
	s := c.Stats()
	require.EqualValues(t, read, s.Received)
	require.EqualValues(t, rounds*each, s.Received+s.KernelDrops)
	require.Positive(t, s.KernelDrops)
	require.EqualValues(t, 0, s.Truncated+s.Dropped+s.Errors)
	require.LessOrEqual(t, s.Sent, uint64(1)) // counted when the loop hears of it
}

// TestPacketCutIsTold: also to who has no use for control messages.
func TestPacketCutIsTold(t *testing.T) {
	eachPacketConn(t, "udp4", func(t *testing.T, c net.PacketConn) {
		m := c.(interface {
			ReadMsgUDPAddrPort(b, oob []byte) (n, oobn, flags int, addr netip.AddrPort, err error)
		})
		p := packetClient(t, c.LocalAddr())
		for _, ask := range []string{"question, a long one", "question"} {
			_, err := p.Write([]byte(ask))
			require.NoError(t, err)
			buf := make([]byte, 8)
			n, oobn, flags, from, err := m.ReadMsgUDPAddrPort(buf, nil)
			require.NoError(t, err)
			require.Equal(t, "question", string(buf[:n]))
			require.Zero(t, oobn)
			require.Equal(t, len(ask) > n, flags&syscall.MSG_TRUNC != 0)
			require.Equal(t, p.LocalAddr().String(), from.String())
		}
	})
}

// TestPacketRuntimeCloses: a socket on a loop ends with the runtime.
func TestPacketRuntimeCloses(t *testing.T) {
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	lc := stdnet.ListenConfig{Runtime: rt, Mode: stdnet.Loop}
	c, err := lc.ListenPacket(context.Background(), "udp4", "127.0.0.1:0")
	require.NoError(t, err)
	if rt.Backend() == runtime.Portable {
		require.NoError(t, c.Close())
	}
	read := make(chan error)
	go func() {
		_, _, err := c.ReadFrom(make([]byte, 10))
		read <- err
	}()
	require.NoError(t, rt.Close())
	require.ErrorIs(t, <-read, net.ErrClosed)
	require.ErrorIs(t, c.Close(), net.ErrClosed)
}

func TestPacketMistakes(t *testing.T) {
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	defer rt.Close()
	_, err = stdnet.ListenPacket(context.Background(), rt, "tcp", "127.0.0.1:0")
	require.Error(t, err)
	c, err := stdnet.ListenPacket(context.Background(), rt, "udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer c.Close()
	_, err = stdnet.ListenPacket(context.Background(), rt, "udp", c.LocalAddr().String())
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	u, err := stdnet.ListenPacket(context.Background(), rt, "unixgram", t.TempDir()+"/s")
	require.NoError(t, err)
	require.NoError(t, u.Close())
}
