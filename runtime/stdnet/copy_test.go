package stdnet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/internal/testport"
	"github.com/headrace/headrace/runtime/stdnet"
)

// collect reads a connection to its end on a goroutine.
func collect(c net.Conn) <-chan []byte {
	got := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(c)
		got <- all
	}()
	return got
}

func same(t *testing.T, want, got []byte) {
	t.Helper()
	require.Equal(t, len(want), len(got))
	require.True(t, bytes.Equal(want, got), "other bytes")
}

// TestSendFile sends files from where they stand, in every way io.Copy offers.
func TestSendFile(t *testing.T) {
	content := noise(3<<20 + 17)
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, content, 0o600))
	each(t, func(t *testing.T, network string, mode stdnet.Mode) {
		for _, tt := range []struct {
			seek, limit int64
			inner       string
		}{
			{0, -1, "file"}, {1000, -1, "file"}, {1 << 20, 100, "limited"}, {5, 60_000, "limited"},
			{5, 2 << 20, "limited"}, {0, 10 << 20, "limited"}, {3<<20 + 17, -1, "file"}, {0, 0, "limited"},
			{5, -5, "limited"},
		} {
			t.Run(fmt.Sprintf("%s/%d/%d", tt.inner, tt.seek, tt.limit), func(t *testing.T) {
				server, client := pair(t, newRuntime(t), network, mode)
				got := collect(client)
				f, err := os.Open(name)
				require.NoError(t, err)
				defer f.Close()
				_, err = f.Seek(tt.seek, io.SeekStart)
				require.NoError(t, err)
				_, err = server.Write([]byte("head"))
				require.NoError(t, err)
				var src io.Reader = f
				want := content[tt.seek:]
				if tt.inner == "limited" {
					src = io.LimitReader(f, tt.limit)
					want = want[:min(int64(len(want)), max(tt.limit, 0))]
				}
				n, err := io.Copy(server, src)
				require.NoError(t, err)
				require.EqualValues(t, len(want), n)
				at, err := f.Seek(0, io.SeekCurrent)
				require.NoError(t, err)
				require.Equal(t, tt.seek+n, at, "the file's offset moved on")
				if l, ok := src.(*io.LimitedReader); ok {
					require.Equal(t, tt.limit-n, l.N)
				}
				_, err = server.Write([]byte("tail"))
				require.NoError(t, err)
				require.NoError(t, server.Close())
				same(t, append(append([]byte("head"), want...), "tail"...), <-got)
			})
		}
	})
}

// TestSendFileToASlowPeer: a deadline cuts it short, after what it says.
func TestSendFileToASlowPeer(t *testing.T) {
	content := noise(16 << 20)
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, content, 0o600))
	each(t, func(t *testing.T, network string, mode stdnet.Mode) {
		server, client := pair(t, newRuntime(t), network, mode)
		f, err := os.Open(name)
		require.NoError(t, err)
		require.NoError(t, server.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
		n, err := io.Copy(server, f)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Less(t, n, int64(len(content)))
		require.NoError(t, f.Close()) // whatever is still on its way
		got := collect(client)
		require.NoError(t, server.SetWriteDeadline(time.Time{}))
		_, err = server.Write([]byte("tail"))
		require.NoError(t, err)
		require.NoError(t, server.Close())
		same(t, append(content[:n:n], "tail"...), <-got)
	})
}

// TestCopyBetween copies from connection to connection, of every kind.
func TestCopyBetween(t *testing.T) {
	content := noise(4 << 20)
	for _, from := range modes {
		for _, to := range modes {
			for _, how := range []string{"io.Copy", "ReadFrom", "ReadFrom limited"} {
				t.Run(fmt.Sprintf("%v to %v/%s", from, to, how), func(t *testing.T) {
					rt := newRuntime(t)
					in, source := pair(t, rt, "tcp", from)
					out, sink := pair(t, rt, "tcp", to)
					got := collect(sink)
					go func() {
						_, _ = source.Write(content)
						_ = source.Close()
					}()
					var n int64
					var err error
					switch how {
					case "io.Copy":
						n, err = io.Copy(out, in)
					case "ReadFrom":
						n, err = out.(io.ReaderFrom).ReadFrom(in)
					default:
						n, err = out.(io.ReaderFrom).ReadFrom(io.LimitReader(in, 3<<20))
					}
					require.NoError(t, err)
					require.NoError(t, out.Close())
					same(t, content[:n], <-got)
					if how != "ReadFrom limited" {
						require.Len(t, content, int(n))
					} else {
						require.EqualValues(t, 3<<20, n)
					}
				})
			}
		}
	}
}

func TestWriteBuffers(t *testing.T) {
	each(t, func(t *testing.T, network string, mode stdnet.Mode) {
		server, client := pair(t, newRuntime(t), network, mode)
		got := collect(client)
		var want []byte
		var list, again net.Buffers
		for i := range 2000 {
			p := noise(i % 97)
			want = append(want, p...)
			list, again = append(list, p), append(again, p)
		}
		n, err := server.(interface {
			WriteBuffers(*net.Buffers) (int64, error)
		}).WriteBuffers(&list)
		require.NoError(t, err)
		require.EqualValues(t, len(want), n)
		require.Empty(t, list)
		n, err = again.WriteTo(server)
		require.NoError(t, err)
		require.EqualValues(t, len(want), n)
		require.NoError(t, server.Close())
		same(t, append(want, want...), <-got)
	})
}

// TestPartialWrite: a Write that a deadline cuts short says how much will arrive.
func TestPartialWrite(t *testing.T) {
	content := noise(32 << 20)
	each(t, func(t *testing.T, network string, mode stdnet.Mode) {
		server, client := pair(t, newRuntime(t), network, mode)
		require.NoError(t, server.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
		n, err := server.Write(content)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		got := collect(client)
		require.NoError(t, server.Close())
		same(t, content[:n], <-got)
	})
}

// TestReadPauses: a connection whose program does not read holds a bounded amount.
func TestReadPauses(t *testing.T) {
	rt := newRuntime(t)
	server, client := pair(t, rt, "tcp", stdnet.Loop)
	content := noise(32 << 20)
	sent := make(chan error, 1)
	go func() {
		_, err := client.Write(content)
		sent <- errors.Join(err, client.Close())
	}()
	_, err := io.ReadFull(server, make([]byte, 1))
	require.NoError(t, err)
	time.Sleep(50 * time.Millisecond) // it could fill up
	var used int
	for _, l := range rt.Loops() {
		for _, c := range l.Pool().Stats().Classes {
			used += c.InUse * c.BlockSize
		}
	}
	require.Less(t, used, 16<<20)
	rest, err := io.ReadAll(server)
	require.NoError(t, err)
	same(t, content[1:], rest)
	require.NoError(t, <-sent)
}

func TestRawConn(t *testing.T) {
	each(t, func(t *testing.T, network string, mode stdnet.Mode) {
		server, client := pair(t, newRuntime(t), network, mode)
		_, err := client.Write([]byte("hello"))
		require.NoError(t, err)
		raw, err := server.(interface {
			SyscallConn() (syscall.RawConn, error)
		}).SyscallConn()
		require.NoError(t, err)
		called := false
		require.NoError(t, raw.Control(func(fd uintptr) { called = fd > 2 }))
		require.True(t, called)
		ready := 0
		err = raw.Read(func(uintptr) bool { ready++; return true })
		if errors.Is(err, errors.ErrUnsupported) {
			require.Equal(t, "portable", os.Getenv("HEADRACE_BACKEND"))
			return
		}
		require.NoError(t, err)
		require.Equal(t, 1, ready)
		buf := make([]byte, 5)
		_, err = io.ReadFull(server, buf)
		require.NoError(t, err)
		require.Equal(t, "hello", string(buf))
		require.NoError(t, server.Close())
		require.ErrorIs(t, raw.Control(func(uintptr) {}), net.ErrClosed)
		require.ErrorIs(t, raw.Read(func(uintptr) bool { return true }), net.ErrClosed)
	})
}

// TestRawWriteBesideRead: who reads does not keep others from the descriptor, and
// what comes then is the reader's.
func TestRawWriteBesideRead(t *testing.T) {
	each(t, func(t *testing.T, network string, mode stdnet.Mode) {
		guard := time.AfterFunc(watchdog, func() { panic("test hangs: " + t.Name()) })
		defer guard.Stop()
		server, client := pair(t, newRuntime(t), network, mode)
		raw, err := server.(syscall.Conn).SyscallConn()
		require.NoError(t, err)
		got := make(chan string, 1)
		read := blocked(func() {
			buf := make([]byte, 10)
			n, _ := server.Read(buf)
			got <- string(buf[:n])
		})
		called := 0
		err = raw.Write(func(uintptr) bool { called++; return true })
		if !errors.Is(err, errors.ErrUnsupported) {
			require.NoError(t, err)
			require.Equal(t, 1, called)
		}
		_, err = client.Write([]byte("hello"))
		require.NoError(t, err)
		<-read
		require.Equal(t, "hello", <-got)
	})
}

// TestRawWriteBesideCopy is the same beside WriteTo.
func TestRawWriteBesideCopy(t *testing.T) {
	each(t, func(t *testing.T, network string, mode stdnet.Mode) {
		guard := time.AfterFunc(watchdog, func() { panic("test hangs: " + t.Name()) })
		defer guard.Stop()
		server, client := pair(t, newRuntime(t), network, mode)
		raw, err := server.(syscall.Conn).SyscallConn()
		require.NoError(t, err)
		var got bytes.Buffer
		copied := blocked(func() { _, _ = server.(io.WriterTo).WriteTo(&got) })
		err = raw.Write(func(uintptr) bool { return true })
		if !errors.Is(err, errors.ErrUnsupported) {
			require.NoError(t, err)
		}
		_, err = client.Write([]byte("hello"))
		require.NoError(t, err)
		require.NoError(t, client.Close())
		<-copied
		require.Equal(t, "hello", got.String())
	})
}

func TestFile(t *testing.T) {
	each(t, func(t *testing.T, network string, mode stdnet.Mode) {
		server, client := pair(t, newRuntime(t), network, mode)
		f, err := server.(interface{ File() (*os.File, error) }).File()
		require.NoError(t, err)
		defer f.Close()
		c, err := net.FileConn(f)
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Write([]byte("through the copy"))
		require.NoError(t, err)
		buf := make([]byte, 16)
		_, err = io.ReadFull(client, buf)
		require.NoError(t, err)
		require.Equal(t, "through the copy", string(buf))
	})
}

func TestListenErrors(t *testing.T) {
	rt := newRuntime(t)
	_, err := stdnet.Listen(context.Background(), rt, "udp", "127.0.0.1:0")
	var unknown net.UnknownNetworkError
	require.ErrorAs(t, err, &unknown)
	ln := listen(t, rt, "tcp", stdnet.Auto)
	_, err = stdnet.Listen(context.Background(), rt, "tcp", ln.Addr().String())
	require.Error(t, err)
	require.NoError(t, ln.Close())
	_, err = ln.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestDialErrors(t *testing.T) {
	rt := newRuntime(t)
	d := stdnet.Dialer{Runtime: rt}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := d.DialContext(ctx, "tcp", "127.0.0.1:1")
	require.Error(t, err)
	refusing := testport.Refusing(t)
	_, err = d.Dial("tcp", refusing)
	_, want := net.Dial("tcp", refusing)
	require.Equal(t, want.Error(), err.Error())
}

// TestRuntimeClosed: connections on loops end with the runtime, those in the
// netpoller go on.
func TestRuntimeClosed(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			rt := newRuntime(t)
			server, client := pair(t, rt, "tcp", mode)
			done := make(chan error, 1)
			go func() {
				_, err := server.Read(make([]byte, 1))
				done <- err
			}()
			time.Sleep(5 * time.Millisecond)
			require.NoError(t, rt.Close())
			_ = client.Close()
			err := <-done
			require.Error(t, err)
			_, err = server.Write([]byte("x"))
			if mode == stdnet.Loop {
				require.Error(t, err)
			}
			require.NoError(t, server.Close())
			_, err = server.Read(make([]byte, 1))
			require.ErrorIs(t, err, net.ErrClosed)
		})
	}
}
