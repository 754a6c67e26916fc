package fiber_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/internal/testport"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

func packetRuntime(t *testing.T) *runtime.Runtime {
	t.Helper()
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close()) })
	return rt
}

func servePacket(t *testing.T, rt *runtime.Runtime, network string, f func(c *fiber.PacketConn) error) net.Addr {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unixgram" {
		address = filepath.Join(t.TempDir(), "s")
	}
	cfg := &runtime.PacketConfig{MaxDatagram: 65535, PacketInfo: network == "udp4"}
	if goosPortable(rt) {
		cfg.PacketInfo = false
	}
	ln, err := rt.ListenPacketWith(context.Background(), cfg, network, address, fiber.ServePacket(f))
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	return ln.Addr()
}

func goosPortable(rt *runtime.Runtime) bool { return rt.Backend() == runtime.Portable }

func packetPeer(t *testing.T, network string) net.PacketConn {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unixgram" {
		address = filepath.Join(t.TempDir(), "p")
	}
	c, err := net.ListenPacket(network, address)
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	t.Cleanup(func() { c.Close() })
	return c
}

// TestPacketEcho: all ways to read and to write.
func TestPacketEcho(t *testing.T) {
	buf := make([]byte, 1<<16)
	for name, echo := range map[string]func(c *fiber.PacketConn) error{
		"chunk": func(c *fiber.PacketConn) error {
			data, from, err := c.ReadChunk()
			if err != nil {
				return err
			}
			return c.Send(data, from)
		},
		"net": func(c *fiber.PacketConn) error {
			n, from, err := c.ReadFrom(buf)
			if err == nil {
				_, err = c.WriteTo(buf[:n], from)
			}
			return err
		},
		"message": func(c *fiber.PacketConn) error {
			n, from, info, _, err := c.ReadMsg(buf)
			if err == nil {
				err = c.SendMsg(buf[:n], from, info)
			}
			return err
		},
	} {
		for _, network := range []string{"udp4", "unixgram"} {
			t.Run(name+"/"+network, func(t *testing.T) {
				rt := packetRuntime(t)
				addr := servePacket(t, rt, network, func(c *fiber.PacketConn) error {
					for {
						if err := echo(c); err != nil {
							return err
						}
					}
				})
				p := packetPeer(t, network)
				got := make([]byte, 1<<16)
				for _, n := range []int{1, 0, 64, 1400, 5000, 65_507, 2} {
					sent := make([]byte, n)
					for i := range sent {
						sent[i] = byte(i ^ n)
					}
					_, err := p.WriteTo(sent, addr)
					require.NoError(t, err)
					k, _, err := p.ReadFrom(got)
					require.NoError(t, err)
					require.True(t, string(sent) == string(got[:k]), "%d bytes", n)
				}
			})
		}
	}
}

// TestPacketDial: a fiber asks a server, and hears when there is none.
func TestPacketDial(t *testing.T) {
	rt := packetRuntime(t)
	addr := servePacket(t, rt, "udp4", func(c *fiber.PacketConn) error {
		for {
			data, from, err := c.ReadChunk()
			if err != nil {
				return err
			}
			if err := c.Send(data, from); err != nil {
				return err
			}
		}
	})
	gone := testport.Refusing(t)
	done := make(chan error, 1)
	require.NoError(t, fiber.Go(rt.Loops()[0], func(task *fiber.Task) {
		done <- func() error {
			c, err := task.DialPacket(context.Background(), nil, "udp4", addr.String())
			if err != nil {
				return err
			}
			defer c.Close()
			for i := range 10 {
				ask := fmt.Sprint("question ", i)
				if _, err := c.Write([]byte(ask)); err != nil {
					return err
				}
				buf := make([]byte, 100)
				n, err := c.Read(buf)
				if err != nil || string(buf[:n]) != ask {
					return fmt.Errorf("%q, %w", buf[:n], err)
				}
			}
			c, err = task.DialPacket(context.Background(), nil, "udp4", gone)
			if err != nil {
				return err
			}
			defer c.Close()
			if _, err := c.Write([]byte("anybody?")); err != nil {
				return err
			}
			_, err = c.Read(make([]byte, 10))
			return err
		}()
	}))
	require.ErrorIs(t, <-done, syscall.ECONNREFUSED)
}

func TestPacketDeadlinesAndClose(t *testing.T) {
	rt := packetRuntime(t)
	done := make(chan error, 3)
	addr := servePacket(t, rt, "udp4", func(c *fiber.PacketConn) error {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(-time.Second)))
		_, _, err := c.ReadChunk()
		done <- err
		require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
		_, _, err = c.ReadChunk()
		done <- err
		require.NoError(t, c.SetReadDeadline(time.Time{}))
		data, _, err := c.ReadChunk()
		if err == nil {
			data.Release()
		}
		c.Loop().AfterFunc(time.Millisecond, func() { c.Conn().Close() })
		_, _, err = c.ReadChunk()
		done <- err
		require.ErrorIs(t, c.SetDeadline(time.Now()), net.ErrClosed)
		_, err = c.WriteTo([]byte("x"), c.LocalAddr())
		require.ErrorIs(t, err, net.ErrClosed)
		return err
	})
	require.ErrorIs(t, <-done, os.ErrDeadlineExceeded)
	require.ErrorIs(t, <-done, os.ErrDeadlineExceeded)
	_, err := packetPeer(t, "udp4").WriteTo([]byte("go on"), addr)
	require.NoError(t, err)
	require.ErrorIs(t, <-done, net.ErrClosed)
}

// TestPacketSlowFiber: what a fiber does not read stays in bounds, and nothing of it is
// lost but what the kernel counts.
func TestPacketSlowFiber(t *testing.T) {
	const sent = 1000
	rt := packetRuntime(t)
	got := make(chan int, sent+1)
	var slow *fiber.PacketConn
	addr := servePacket(t, rt, "unixgram", func(c *fiber.PacketConn) error {
		slow = c
		c.Sleep(20 * time.Millisecond)
		buf := make([]byte, 10)
		for {
			n, _, err := c.ReadFrom(buf)
			if err != nil {
				return err
			}
			got <- n
		}
	})
	p := packetPeer(t, "unixgram")
	for range sent {
		_, err := p.WriteTo([]byte("hello"), addr) // blocks while the queue is full
		require.NoError(t, err)
	}
	for range sent {
		require.Equal(t, 5, <-got)
	}
	require.NotNil(t, slow)
}
