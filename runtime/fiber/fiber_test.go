package fiber_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

// watchdog bounds every wait of a test; nothing is decided by it.
const watchdog = 60 * time.Second

func newRuntime(t *testing.T) *runtime.Runtime {
	t.Helper()
	rt, err := runtime.New(&runtime.Config{Loops: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close()) })
	return rt
}

func serve(t *testing.T, rt *runtime.Runtime, f func(c *fiber.Conn) error) net.Addr {
	t.Helper()
	ln, err := rt.Listen(context.Background(), "tcp", "127.0.0.1:0", fiber.Serve(f))
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	return ln.Addr()
}

func dial(t *testing.T, addr net.Addr) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

func randomBytes(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.Read(p)
	return p
}

// roundTrip sends data, ends the stream, and returns all that comes back.
func roundTrip(t *testing.T, addr net.Addr, data []byte) []byte {
	t.Helper()
	c := dial(t, addr)
	go func() {
		_, _ = c.Write(data)
		_ = c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	return got
}

func TestEchoStyles(t *testing.T) {
	styles := map[string]func(c *fiber.Conn) error{
		"read write": func(c *fiber.Conn) error {
			buf := make([]byte, 3000)
			for {
				n, err := c.Read(buf)
				if err != nil {
					return err
				}
				if _, err := c.Write(buf[:n]); err != nil {
					return err
				}
			}
		},
		"chain": func(c *fiber.Conn) error {
			for {
				in, err := c.ReadChain()
				if err != nil {
					return err
				}
				if err := c.Send(in); err != nil {
					return err
				}
			}
		},
		"read all": func(c *fiber.Conn) error {
			all, err := io.ReadAll(c)
			if err != nil {
				return err
			}
			_, err = c.Write(all)
			return err
		},
	}
	for name, style := range styles {
		for _, size := range []int{1, 5000, 3 << 20} {
			t.Run(fmt.Sprintf("%s/%d", name, size), func(t *testing.T) {
				data := randomBytes(size)
				addr := serve(t, newRuntime(t), style)
				require.True(t, bytes.Equal(data, roundTrip(t, addr, data)))
			})
		}
	}
}

func TestReadFull(t *testing.T) {
	const size = 5<<20 + 3
	data := randomBytes(2 * size)
	addr := serve(t, newRuntime(t), func(c *fiber.Conn) error {
		buf := make([]byte, size)
		for range 2 {
			if _, err := c.ReadFull(buf); err != nil {
				return err
			}
			if _, err := c.Write(buf); err != nil {
				return err
			}
		}
		n, err := c.ReadFull(buf[:10])
		if n != 0 || err != io.EOF {
			return fmt.Errorf("at the end: %d, %w", n, err)
		}
		_, err = c.WriteString("end")
		return err
	})
	require.True(t, bytes.Equal(append(bytes.Clone(data), "end"...), roundTrip(t, addr, data)))
}

func TestSendFile(t *testing.T) {
	for _, size := range []int{0, 1, 16 << 10, 70 << 10, 9 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "file")
			data := randomBytes(size)
			require.NoError(t, os.WriteFile(name, data, 0o600))
			addr := serve(t, newRuntime(t), func(c *fiber.Conn) error {
				f, err := os.Open(name)
				if err != nil {
					return err
				}
				defer f.Close()
				n, err := c.SendFile([]byte("head:"), f, 0, -1)
				if n != int64(size) {
					return fmt.Errorf("sent %d: %w", n, err)
				}
				_, err = c.WriteString(":tail")
				return err
			})
			want := append(append([]byte("head:"), data...), ":tail"...)
			require.True(t, bytes.Equal(want, roundTrip(t, addr, nil)))
		})
	}
}

func TestReadDeadline(t *testing.T) {
	addr := serve(t, newRuntime(t), func(c *fiber.Conn) error {
		buf := make([]byte, 1)
		if err := c.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
			return err
		}
		_, past := c.Read(buf)
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		_, future := c.Read(buf)
		_ = c.SetReadDeadline(time.Time{})
		late := func(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
		fmt.Fprintf(c, "%v %v", late(past), late(future))
		n, none := c.Read(buf) // the client writes when it has read that
		fmt.Fprintf(c, " %d %v", n, none)
		return nil
	})
	c := dial(t, addr)
	both := make([]byte, len("true true"))
	_, err := io.ReadFull(c, both)
	require.NoError(t, err)
	require.Equal(t, "true true", string(both))
	_, err = c.Write([]byte("x"))
	require.NoError(t, err)
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, " 1 <nil>", string(got))
}

// TestDeadlineForEver: one that the clock can not hold does not keep the loop.
func TestDeadlineForEver(t *testing.T) {
	addr := serve(t, newRuntime(t), func(c *fiber.Conn) error {
		buf := make([]byte, 1)
		for range 2 {
			_ = c.SetDeadline(time.Now().Add(math.MaxInt64))
			if _, err := c.Read(buf); err != nil {
				return err
			}
			if _, err := c.Write(buf); err != nil {
				return err
			}
		}
		return nil
	})
	c := dial(t, addr)
	for range 2 {
		time.Sleep(5 * time.Millisecond) // the fiber most likely waits by now
		_, err := c.Write([]byte("x"))
		require.NoError(t, err)
		_, err = io.ReadFull(c, make([]byte, 1))
		require.NoError(t, err)
	}
}

func TestOffloadAndSleep(t *testing.T) {
	addr := serve(t, newRuntime(t), func(c *fiber.Conn) error {
		sum := 0
		for i := range 5 {
			c.Offload(func() { sum += i })
			c.Sleep(time.Millisecond)
		}
		_, err := fmt.Fprint(c, sum)
		return err
	})
	require.Equal(t, "10", string(roundTrip(t, addr, nil)))
}

func TestPanicEndsOnlyItsConnection(t *testing.T) {
	addr := serve(t, newRuntime(t), func(c *fiber.Conn) error {
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil {
			return err
		}
		if line == "panic\n" {
			panic("as asked")
		}
		_, err = c.WriteString(line)
		return err
	})
	bystander := dial(t, addr)
	victim := dial(t, addr)
	_, err := victim.Write([]byte("panic\n"))
	require.NoError(t, err)
	_, err = io.ReadAll(victim)
	if err != nil {
		require.ErrorContains(t, err, "reset")
	}
	_, err = bystander.Write([]byte("hello\n"))
	require.NoError(t, err)
	got, err := io.ReadAll(bystander)
	require.NoError(t, err)
	require.Equal(t, "hello\n", string(got))
}

// TestPanicEndsItsConnection: also when it was no callback of the connection that
// resumed the fiber.
func TestPanicEndsItsConnection(t *testing.T) {
	for name, resumed := range map[string]func(c *fiber.Conn){
		"offload": func(c *fiber.Conn) { c.Offload(func() {}); panic("as asked") },
		"work":    func(c *fiber.Conn) { c.Offload(func() { panic("as asked") }) },
		"sleep":   func(c *fiber.Conn) { c.Sleep(time.Millisecond); panic("as asked") },
	} {
		rt := newRuntime(t)
		addr := serve(t, rt, func(c *fiber.Conn) error {
			// Not before the client is through with connecting.
			if err := c.WaitReadable(); err != nil {
				return err
			}
			resumed(c)
			return nil
		})
		client := dial(t, addr)
		_, err := client.Write([]byte("x"))
		require.NoError(t, err)
		_, err = io.ReadAll(client)
		require.ErrorContains(t, err, "reset", name)
		require.EqualValues(t, 1, rt.Stats().Total().Panics, name)
	}
}

func TestDialAndRelay(t *testing.T) {
	rt := newRuntime(t)
	upstream := serve(t, rt, func(c *fiber.Conn) error {
		for {
			in, err := c.ReadChain()
			if err != nil {
				return err
			}
			if err := c.Send(in); err != nil {
				return err
			}
		}
	})
	results := make(chan *runtime.RelayResult, 1)
	addr := serve(t, rt, func(c *fiber.Conn) error {
		up, err := c.Dial(context.Background(), "tcp", upstream.String())
		if err != nil {
			return err
		}
		results <- fiber.RelayIdle(c, up, 0)
		return nil
	})
	data := randomBytes(7 << 20)
	require.True(t, bytes.Equal(data, roundTrip(t, addr, data)))
	r := <-results
	require.NoError(t, r.Err())
	require.EqualValues(t, len(data), r.AToB)
	require.EqualValues(t, len(data), r.BToA)
}

func TestCloseRuntimeWithParkedFibers(t *testing.T) {
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	ended := make(chan error, 1)
	addr := serve(t, rt, func(c *fiber.Conn) error {
		_, err := c.Read(make([]byte, 1))
		ended <- err
		return err
	})
	c := dial(t, addr)
	require.Eventually(t, func() bool { return rt.Stats().Total().Conns == 1 }, watchdog, time.Millisecond)
	require.NoError(t, rt.Close())
	require.ErrorIs(t, <-ended, net.ErrClosed)
	_, err = c.Read(make([]byte, 1))
	require.Error(t, err)
}
