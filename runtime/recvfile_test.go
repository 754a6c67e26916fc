package runtime_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// outcome is what RecvToFile told.
type outcome struct {
	n   int64
	err error
}

// newFile opens an empty file for reading and writing.
func newFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func contents(t *testing.T, f *os.File) []byte {
	t.Helper()
	all, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	return all
}

func closeWrite(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.(interface{ CloseWrite() error }).CloseWrite())
}

// TestRecvToFile: two files in one stream, then ordinary data again.
func TestRecvToFile(t *testing.T) {
	for _, size := range []int{0, 1, 5000, 70 << 10, 5<<20 + 1} {
		rt := newRuntime(t, nil)
		first, second := newFile(t), newFile(t)
		hash := sha256.New()
		ends := make(chan outcome, 2)
		rest := make(chan string, 1)
		addr, _ := serveFuncs(t, rt, funcs{
			open: func(c *runtime.Conn) {
				c.RecvToFile(first, 0, int64(size), &runtime.RecvFile{Sync: true, Tee: hash}, func(n int64, err error) {
					ends <- outcome{n, err}
					c.RecvToFile(second, 7, int64(size), nil, func(n int64, err error) { ends <- outcome{n, err} })
				})
			},
			eof: func(c *runtime.Conn) {
				rest <- string(c.Unread().Bytes())
				c.Close()
			},
		})
		sent := randomBytes(2 * size)
		c := dial(t, addr)
		_, err := c.Write(append(bytes.Clone(sent), "and more"...))
		require.NoError(t, err)
		closeWrite(t, c)
		require.Equal(t, outcome{int64(size), nil}, receive(t, ends))
		require.Equal(t, outcome{int64(size), nil}, receive(t, ends))
		require.Equal(t, "and more", receive(t, rest))
		require.True(t, bytes.Equal(sent[:size], contents(t, first)))
		if size > 0 {
			require.True(t, bytes.Equal(append(make([]byte, 7), sent[size:]...), contents(t, second)))
		}
		want := sha256.Sum256(sent[:size])
		require.Equal(t, want[:], hash.Sum(nil))
	}
}

func TestRecvToFileUntilEOF(t *testing.T) {
	for _, size := range []int{0, 1, 3<<20 + 5} {
		rt := newRuntime(t, nil)
		f := newFile(t)
		ends := make(chan outcome, 1)
		addr, closed := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
			c.RecvToFile(f, 0, -1, nil, func(n int64, err error) { ends <- outcome{n, err} })
		}})
		sent := randomBytes(size)
		c := dial(t, addr)
		_, err := c.Write(sent)
		require.NoError(t, err)
		closeWrite(t, c)
		require.Equal(t, outcome{int64(size), nil}, receive(t, ends))
		require.NoError(t, receive(t, closed)) // the handler hears of the end, afterwards
		require.True(t, bytes.Equal(sent, contents(t, f)))
	}
}

func TestRecvToFileStreamEndsEarly(t *testing.T) {
	for _, size := range []int{0, 1, 1 << 20} {
		rt := newRuntime(t, nil)
		f := newFile(t)
		ends := make(chan outcome, 1)
		addr, _ := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
			c.RecvToFile(f, 0, 2<<20, nil, func(n int64, err error) { ends <- outcome{n, err} })
		}})
		sent := randomBytes(size)
		c := dial(t, addr)
		_, err := c.Write(sent)
		require.NoError(t, err)
		closeWrite(t, c)
		want := outcome{int64(size), io.ErrUnexpectedEOF}
		if size == 0 {
			want.err = io.EOF
		}
		require.Equal(t, want, receive(t, ends))
		require.True(t, bytes.Equal(sent, contents(t, f)))
	}
}

// TestRecvToFileReset: what was received before a reset is in the file, and the
// handler hears of the end after the transfer.
func TestRecvToFileReset(t *testing.T) {
	rt := newRuntime(t, nil)
	f := newFile(t)
	var seen atomicCounter
	order := make(chan string, 2)
	ends := make(chan outcome, 1)
	addr, closed := serveFuncs(t, rt, funcs{
		open: func(c *runtime.Conn) {
			c.RecvToFile(f, 0, 1<<20, &runtime.RecvFile{Tee: &seen}, func(n int64, err error) {
				order <- "done"
				ends <- outcome{n, err}
			})
		},
		closed: func(*runtime.Conn, error) { order <- "closed" },
	})
	sent := randomBytes(200 << 10)
	c := dial(t, addr).(*net.TCPConn)
	_, err := c.Write(sent)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return seen.n.Load() > 0 }, watchdog, tick)
	require.NoError(t, c.SetLinger(0))
	require.NoError(t, c.Close())
	end := receive(t, ends)
	require.Error(t, end.err)
	require.NotErrorIs(t, end.err, io.EOF)
	require.Equal(t, end.err, receive(t, closed))
	require.Equal(t, "done", receive(t, order))
	require.Equal(t, "closed", receive(t, order))
	got := contents(t, f)
	require.EqualValues(t, end.n, len(got))
	require.True(t, bytes.HasPrefix(sent, got))
}

// TestRecvToFileDiskFull: nothing behind the failure is reported, and the
// connection goes on with what was not written.
func TestRecvToFileDiskFull(t *testing.T) {
	f, room := fullDisk(t)
	rt := newRuntime(t, nil)
	ends := make(chan outcome, 1)
	rest := make(chan []byte, 1)
	addr, _ := serveFuncs(t, rt, funcs{
		open: func(c *runtime.Conn) {
			c.RecvToFile(f, 0, -1, nil, func(n int64, err error) { ends <- outcome{n, err} })
		},
		data: func(*runtime.Conn, *buffers.Chain) {}, // stays unread
		eof: func(c *runtime.Conn) {
			rest <- c.Unread().Bytes()
			c.Close()
		},
	})
	sent := randomBytes(room + 100<<10)
	c := dial(t, addr)
	_, err := c.Write(sent)
	require.NoError(t, err)
	end := receive(t, ends)
	require.ErrorIs(t, end.err, errNoSpace)
	require.LessOrEqual(t, end.n, int64(room))
	closeWrite(t, c)
	require.True(t, bytes.Equal(sent[end.n:], receive(t, rest)))
	if room > 0 {
		require.True(t, bytes.HasPrefix(contents(t, f), sent[:end.n]))
	}
}

func TestRecvToFileErrors(t *testing.T) {
	readOnly, err := os.Open(newFile(t).Name())
	require.NoError(t, err)
	defer readOnly.Close()
	enough := errors.New("enough")
	for name, tt := range map[string]struct {
		file *os.File
		with *runtime.RecvFile
		want error
	}{
		"no file":           {nil, nil, os.ErrInvalid},
		"read only":         {readOnly, nil, errBadFile},
		"tee fails":         {newFile(t), &runtime.RecvFile{Tee: failingWriter{enough}}, enough},
		"tee panics":        {newFile(t), &runtime.RecvFile{Tee: failingWriter{}}, runtime.ErrPanic},
		"can not be synced": {devNull(t), &runtime.RecvFile{Sync: true}, errInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			rt := newRuntime(t, nil)
			ends := make(chan outcome, 1)
			addr, _ := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
				c.RecvToFile(tt.file, 0, 5, tt.with, func(n int64, err error) {
					ends <- outcome{n, err}
					c.Close()
				})
			}})
			_, err := dial(t, addr).Write([]byte("hello"))
			require.NoError(t, err)
			end := receive(t, ends)
			require.ErrorIs(t, end.err, tt.want)
		})
	}
}

// TestRecvToFileAfterEnd: a connection that has ended says so, once.
func TestRecvToFileAfterEnd(t *testing.T) {
	rt := newRuntime(t, nil)
	ends := make(chan outcome, 1)
	addr, ended := serveFuncs(t, rt, funcs{
		open: func(c *runtime.Conn) { c.Close() },
		closed: func(c *runtime.Conn, _ error) {
			c.RecvToFile(nil, 0, 5, nil, func(n int64, err error) { ends <- outcome{n, err} })
		},
	})
	dial(t, addr)
	end := receive(t, ends)
	require.ErrorIs(t, end.err, net.ErrClosed)
	require.NoError(t, receive(t, ended))
	require.Empty(t, ended)
}

// TestRecvToFileAfterEOF: who has been told of the end of the stream is not told again.
func TestRecvToFileAfterEOF(t *testing.T) {
	rt := newRuntime(t, nil)
	f := newFile(t)
	ends := make(chan outcome, 2)
	told := 0
	addr, ended := serveFuncs(t, rt, funcs{eof: func(c *runtime.Conn) {
		if told++; told > 1 {
			ends <- outcome{-1, errors.New("the end was told twice")}
			return
		}
		c.RecvToFile(f, 0, 10, nil, func(n int64, err error) {
			ends <- outcome{n, err}
			c.Loop().AfterFunc(0, func() { c.Loop().AfterFunc(0, func() { c.Close() }) }) // turns in which it could be
		})
	}})
	closeWrite(t, dial(t, addr))
	require.Equal(t, outcome{0, io.EOF}, receive(t, ends))
	require.NoError(t, receive(t, ended))
	require.Empty(t, ends)
}

func TestWriteFile(t *testing.T) {
	rt := newRuntime(t, nil)
	l := rt.Loops()[0]
	f := newFile(t)
	data := randomBytes(3<<20 + 17)
	ends := make(chan outcome, 3)
	write := func(f *os.File, off int64, data []byte) outcome {
		require.NoError(t, l.Call(func() {
			var chain buffers.Chain
			chain.AppendCopy(l.Pool(), data)
			l.WriteFile(f, off, chain, func(n int64, err error) { ends <- outcome{n, err} })
		}))
		return receive(t, ends)
	}
	require.Equal(t, outcome{int64(len(data)), nil}, write(f, 0, data))
	require.Equal(t, outcome{3, nil}, write(f, 1<<32, []byte("far")))
	require.Equal(t, outcome{0, nil}, write(f, 0, nil))
	synced := make(chan error, 1)
	require.NoError(t, l.Call(func() { l.SyncFile(f, func(err error) { synced <- err }) }))
	require.NoError(t, receive(t, synced))

	got := make([]byte, len(data))
	_, err := f.ReadAt(got, 0)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))
	_, err = f.ReadAt(got[:3], 1<<32)
	require.NoError(t, err)
	require.Equal(t, "far", string(got[:3]))

	require.ErrorIs(t, write(f, -1, []byte("x")).err, os.ErrInvalid)
	full, room := fullDisk(t)
	end := write(full, 0, data[:room+10])
	require.ErrorIs(t, end.err, errNoSpace)
	require.LessOrEqual(t, end.n, int64(room))
}
