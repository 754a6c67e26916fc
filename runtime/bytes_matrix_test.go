package runtime_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
)

// matrixSizes are what every way of moving bytes is tested with.
func matrixSizes() []int64 {
	sizes := []int64{0, 1, 100, 4 << 10, 16 << 10, 64 << 10, 1 << 20}
	if !testing.Short() {
		sizes = append(sizes, 64<<20)
	}
	if os.Getenv("HEADRACE_BIG") == "1" && !testing.Short() {
		sizes = append(sizes, 300<<20)
	}
	return sizes
}

// TestBytesMatrix moves each size in each way: the bytes are the same by their hash,
// and none takes more memory than the cap, at any time; nor do the large ones make
// garbage that grows with them. The engine is that of HEADRACE_BACKEND.
func TestBytesMatrix(t *testing.T) {
	sizes := matrixSizes()
	var own []byte // the program's memory, for those that are given it whole
	whole := func(size int64) []byte {
		if own == nil {
			own = make([]byte, sizes[len(sizes)-1])
			_, _ = io.ReadFull(pattern(int64(len(own))), own)
		}
		return own[:size]
	}
	ways := []struct {
		name string
		move func(t *testing.T, rt *runtime.Runtime, size int64) (sum []byte, n int64)
	}{
		{"Write", sendCopied},
		{"Send", sendPooled},
		{"Wrap", sendWrapped},
		{"SendFile", sendFile},
		{"RecvFull", recvFull},
		{"RecvToFile", recvToFile},
		{"Relay", throughRelay},
		{"SendOnce", func(t *testing.T, rt *runtime.Runtime, size int64) ([]byte, int64) {
			return sendOnce(t, rt, whole(size))
		}},
		{"RecvFullOnce", func(t *testing.T, rt *runtime.Runtime, size int64) ([]byte, int64) {
			return recvOnce(t, rt, whole(size))
		}},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			rt := newRuntime(t, &runtime.Config{Loops: 1})
			way.move(t, rt, 1<<20) // what is mapped once and for all
			for _, size := range sizes {
				pooled, grown := mapped(rt), growth()
				sum, n := way.move(t, rt, size)
				most, garbage := grown()
				require.Equal(t, size, n)
				require.Equal(t, hashPattern(size), sum, "%d bytes", size)
				require.Less(t, mapped(rt)-pooled, int64(memoryCap), "%d bytes", size)
				require.Less(t, most, int64(memoryCap), "%d bytes", size)
				require.Less(t, garbage, int64(memoryCap/2), "%d bytes", size)
			}
		})
	}
}

// download returns what a connection of rt sends when it opens.
func download(t *testing.T, rt *runtime.Runtime, send runtime.Handler) (sum []byte, n int64) {
	t.Helper()
	c := dial(t, listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler { return send }))
	defer c.Close()
	return hashAll(c)
}

// upload sends the pattern to a connection of rt and ends the stream.
func upload(t *testing.T, rt *runtime.Runtime, size int64, recv runtime.Handler) {
	t.Helper()
	c := dial(t, listen(t, rt, "tcp", func(*runtime.Conn) runtime.Handler { return recv }))
	defer c.Close()
	writePattern(c, size)
	closeWrite(t, c)
	_, _ = io.Copy(io.Discard, c) // until it was taken
}

// source sends the pattern piece by piece, as the peer takes it.
type source struct {
	from io.Reader
	buf  []byte
}

func (s *source) Data(*runtime.Conn, *buffers.Chain) {}
func (s *source) Closed(*runtime.Conn, error)        {}
func (s *source) Open(c *runtime.Conn)               { s.Drained(c) }

func (s *source) Drained(c *runtime.Conn) {
	for !c.Full() {
		n, err := io.ReadFull(s.from, s.buf)
		if _, failed := c.Write(s.buf[:n]); failed != nil {
			return
		}
		if err != nil {
			c.Close()
			return
		}
	}
}

func sendCopied(t *testing.T, rt *runtime.Runtime, size int64) ([]byte, int64) {
	return download(t, rt, &source{from: pattern(size), buf: make([]byte, 10<<10)})
}

// sendWrapped sends memory of the program's own, in pieces that are gathered, and
// changes it once the connection has let go.
func sendWrapped(t *testing.T, rt *runtime.Runtime, size int64) ([]byte, int64) {
	from, buf := pattern(size), make([]byte, 1<<20)
	var next func(c *runtime.Conn)
	next = func(c *runtime.Conn) {
		n, failed := io.ReadFull(from, buf)
		var chain buffers.Chain
		const piece = 100_000
		for off := 0; off < n; off += piece {
			chain.Append(buffers.Wrap(buf[off:min(n, off+piece)], nil))
		}
		if c.Send(chain) != nil {
			return
		}
		if failed != nil {
			c.Close()
			return
		}
		c.AfterSent(func(err error) {
			if err == nil {
				next(c)
			}
		})
	}
	return download(t, rt, &funcs{open: next})
}

// patternFile is a file of the pattern.
func patternFile(t *testing.T, size int64) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	writePattern(f, size)
	t.Cleanup(func() { f.Close() })
	return f
}

func sendFile(t *testing.T, rt *runtime.Runtime, size int64) ([]byte, int64) {
	f := patternFile(t, size)
	return download(t, rt, &funcs{open: func(c *runtime.Conn) {
		_ = c.SendFile(f, 0, -1, nil)
		c.Close()
	}})
}

// recvFull receives into memory of the program's, a window of it at a time: what
// it gives is not the connection's to bound.
func recvFull(t *testing.T, rt *runtime.Runtime, size int64) ([]byte, int64) {
	const window = 1 << 20
	sum, dst := sha256.New(), make([]byte, min(size, window))
	var total int64
	done := make(chan struct{})
	var next func(c *runtime.Conn)
	next = func(c *runtime.Conn) {
		p := dst[:min(size-total, int64(len(dst)))]
		if len(p) == 0 {
			close(done)
			c.Close()
			return
		}
		c.RecvFull(p, func(n int, err error) {
			sum.Write(p[:n])
			total += int64(n)
			if err != nil {
				close(done)
				c.Close()
				return
			}
			next(c)
		})
	}
	upload(t, rt, size, &funcs{open: func(c *runtime.Conn) { next(c) }})
	<-done
	return sum.Sum(nil), total
}

func recvToFile(t *testing.T, rt *runtime.Runtime, size int64) ([]byte, int64) {
	f := newFile(t)
	ends := make(chan outcome, 1)
	teed := sha256.New()
	upload(t, rt, size, &funcs{open: func(c *runtime.Conn) {
		c.RecvToFile(f, 0, size, &runtime.RecvFile{Tee: teed}, func(n int64, err error) {
			ends <- outcome{n, err}
			c.Close()
		})
	}})
	end := receive(t, ends)
	require.NoError(t, end.err)
	_, err := f.Seek(0, io.SeekStart)
	require.NoError(t, err)
	sum, n := hashAll(f)
	require.Equal(t, end.n, n)
	require.Equal(t, sum, teed.Sum(nil))
	return sum, n
}

// throughRelay sends the pattern through a relay.
func throughRelay(t *testing.T, rt *runtime.Runtime, size int64) ([]byte, int64) {
	up, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer up.Close()
	results := make(chan *runtime.RelayResult, 1)
	addr := listen(t, rt, "tcp", relayTo(up.Addr().String(), results))
	client := dial(t, addr)
	go func() {
		writePattern(client, size)
		_ = client.(*net.TCPConn).CloseWrite()
	}()
	server, err := up.Accept()
	require.NoError(t, err)
	sum, n := hashAll(server)
	require.NoError(t, server.Close())
	_, _ = io.Copy(io.Discard, client)
	require.NoError(t, client.Close())
	res := receive(t, results)
	require.NoError(t, res.Err())
	require.Equal(t, size, res.AToB)
	return sum, n
}

func TestMatrixKnowsItsPattern(t *testing.T) {
	all, err := io.ReadAll(pattern(1000))
	require.NoError(t, err)
	want := sha256.Sum256(all)
	require.Equal(t, fmt.Sprintf("%x", want), fmt.Sprintf("%x", hashPattern(1000)))
	require.NotEqual(t, hashPattern(999), hashPattern(1000))
}
