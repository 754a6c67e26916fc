package runtime_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver/faults"
)

// TestMemoryStaysApart: connections that share pools, files and loops and end in
// every way never see a byte of each other. Each stream has a pattern of its own,
// and every byte that comes back is held against it.
func TestMemoryStaysApart(t *testing.T) {
	volume := int64(16 << 20)
	if !testing.Short() {
		volume = 1 << 30
	}
	seed := faults.Seed(t.Logf)
	for name, share := range map[string]int64{"plain": 4, "faults": 1} {
		t.Run(name, func(t *testing.T) {
			cfg := &runtime.Config{Loops: 2, RecvBuffers: 32, RecvBufferSize: 4 << 10, MaxMemory: 64 << 20}
			if name == "faults" {
				cfg.WrapEngine = faults.Contract(seed).WrapEngine
			}
			m := &apart{seed: seed, left: volume * share / 5, file: streamFile(t, 0, sharedSize), dir: t.TempDir()}
			rt := newRuntime(t, cfg)
			m.addr = listen(t, rt, "tcp", m.accept)
			var workers sync.WaitGroup
			const peers = 24
			errs := make(chan error, peers)
			for i := range peers {
				workers.Go(func() { errs <- m.work(uint64(i)) })
			}
			workers.Wait()
			close(errs)
			for err := range errs {
				require.NoError(t, err)
			}
			t.Logf("%d connections, %d cut off", m.streams.Load(), m.cut.Load())
		})
	}
}

// apart is a server that keeps streams apart, and the peers that try to mix them up.
type apart struct {
	seed    uint64
	addr    net.Addr
	file    *os.File // of stream 0
	dir     string
	mu      sync.Mutex
	left    int64 // bytes to look at
	streams atomic.Uint64
	cut     atomic.Uint64
}

// streamWord is eight bytes of a stream.
func streamWord(stream, word uint64) uint64 {
	x := (stream+1)*0x9e3779b97f4a7c15 ^ word*0xd6e8feb86659fd93
	x = (x ^ x>>32) * 0xd6e8feb86659fd93
	return x ^ x>>29
}

// streamBytes fills p with the stream's bytes from off.
func streamBytes(stream, off uint64, p []byte) {
	var word [8]byte
	for n := 0; n < len(p); {
		binary.LittleEndian.PutUint64(word[:], streamWord(stream, (off+uint64(n))/8))
		n += copy(p[n:], word[(off+uint64(n))%8:])
	}
}

// foreign returns where p is not the stream's from off.
func foreign(stream, off uint64, p, scratch []byte) error {
	want := scratch[:len(p)]
	streamBytes(stream, off, want)
	for i := range p {
		if p[i] != want[i] {
			return fmt.Errorf("stream %d has a byte at %d that is not its own: %#x", stream, off+uint64(i), p[i])
		}
	}
	return nil
}

func streamFile(t *testing.T, stream uint64, size int) *os.File {
	t.Helper()
	p := make([]byte, size)
	streamBytes(stream, 0, p)
	name := filepath.Join(t.TempDir(), "stream")
	require.NoError(t, os.WriteFile(name, p, 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// What a stream asks for in its first eight bytes: a kind, and a size.
const (
	asChunks = iota // what comes goes
	asCopies        // into chunks that others had
	asWhole         // received in full, into memory of the program
	asDisk          // to a file and back
	asFile          // a range of a file, perhaps one that ends early
	kinds
	orderSize = 8

	sharedSize = 1 << 20
)

// accept serves one stream.
func (m *apart) accept(c *runtime.Conn) runtime.Handler {
	h := &funcs{}
	h.open = func(c *runtime.Conn) {
		order := make([]byte, orderSize)
		c.RecvFull(order, func(_ int, err error) {
			if err != nil {
				c.Abort(err)
				return
			}
			m.serve(c, order[0], int64(binary.LittleEndian.Uint32(order[4:])))
		})
	}
	return h
}

func (m *apart) serve(c *runtime.Conn, kind byte, size int64) {
	switch kind {
	case asChunks:
		c.SetHandler(echo{})
	case asCopies:
		c.SetHandler(&funcs{data: func(c *runtime.Conn, in *buffers.Chain) {
			for chunk := range in.All() {
				_, _ = c.Write(chunk.Bytes())
			}
			in.Release()
		}})
	case asWhole:
		whole(c, make([]byte, 1+size/3), size)
	case asDisk:
		m.disk(c, size)
	case asFile:
		_ = c.SendFile(m.file, max(0, sharedSize-size), size+size%2, nil) // an odd one promises too much
		c.Close()
	}
}

// whole sends back piece after piece.
func whole(c *runtime.Conn, buf []byte, left int64) {
	if left == 0 {
		c.Close()
		return
	}
	buf = buf[:min(int64(len(buf)), left)]
	c.RecvFull(buf, func(n int, err error) {
		if err != nil {
			c.Abort(err)
			return
		}
		_, _ = c.Write(buf)
		c.AfterSent(func(err error) {
			if err == nil {
				whole(c, buf[:cap(buf)], left-int64(n))
			}
		})
	})
}

// disk sends back what it wrote to a file.
func (m *apart) disk(c *runtime.Conn, size int64) {
	f, err := os.CreateTemp(m.dir, "stream")
	if err != nil {
		c.Abort(err)
		return
	}
	_ = os.Remove(f.Name())
	c.RecvToFile(f, 0, size, nil, func(n int64, err error) {
		if err == nil {
			err = c.SendFile(f, 0, n, func(int64, error) { f.Close() })
		}
		if err != nil {
			f.Close()
			c.Abort(err)
			return
		}
		c.Close()
	})
}

// take reserves bytes to look at, and reports whether there were any left.
func (m *apart) take(n int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left -= n
	return m.left+n > 0
}

// work opens one stream after the other.
func (m *apart) work(worker uint64) error {
	r := rand.New(rand.NewPCG(m.seed, worker))
	var p peer
	for {
		stream := m.streams.Add(1)
		size := 1 + r.Int64N([]int64{100, 5_000, 300_000, 1 << 20}[r.IntN(4)])
		got, err := p.run(m.addr, stream, r, size)
		switch {
		case errors.Is(err, errForeign):
			return err
		case err != nil:
			m.cut.Add(1)
		}
		if !m.take(got) {
			return nil
		}
	}
}

var errForeign = errors.New("memory of another")

// peer is a client with memory of its own.
type peer struct{ in, want, out [32 << 10]byte }

// run has one stream served: all of it, or until it resets the connection or just
// goes. It returns how many bytes it has seen.
func (p *peer) run(addr net.Addr, stream uint64, r *rand.Rand, size int64) (seen int64, err error) {
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		return 0, err
	}
	c := conn.(*net.TCPConn)
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(watchdog)); err != nil {
		return 0, err
	}
	kind := byte(r.IntN(kinds))
	stop, upTo := size, size
	if r.IntN(3) == 0 {
		stop = r.Int64N(size)
	}
	if r.IntN(4) == 0 {
		upTo = r.Int64N(size)
	}
	order := []byte{kind, 0, 0, 0, 0, 0, 0, 0}
	binary.LittleEndian.PutUint32(order[4:], uint32(size))
	if _, err := c.Write(order); err != nil {
		return 0, err
	}
	off := uint64(0)
	var sent sync.WaitGroup
	if kind == asFile {
		stream, off = 0, uint64(max(0, sharedSize-size))
	} else {
		sent.Go(func() { p.write(c, stream, upTo) })
	}
	defer sent.Wait()
	seen, err = p.read(c, stream, off, stop)
	if r.IntN(2) == 0 {
		_ = c.SetLinger(0)
	}
	c.Close()
	return seen, err
}

// write sends the stream's first n bytes and its end.
func (p *peer) write(c *net.TCPConn, stream uint64, n int64) {
	for off := int64(0); off < n; {
		b := p.out[:min(n-off, int64(len(p.out)))]
		streamBytes(stream, uint64(off), b)
		k, err := c.Write(b)
		if off += int64(k); err != nil {
			return
		}
	}
	_ = c.CloseWrite()
}

// read looks at what comes, up to n bytes of it.
func (p *peer) read(c *net.TCPConn, stream, off uint64, n int64) (seen int64, err error) {
	for seen < n {
		k, err := c.Read(p.in[:min(n-seen, int64(len(p.in)))])
		if bad := foreign(stream, off+uint64(seen), p.in[:k], p.want[:]); bad != nil {
			return seen, fmt.Errorf("%w: %w", errForeign, bad)
		}
		if seen += int64(k); err != nil {
			if err == io.EOF {
				err = nil
			}
			return seen, err
		}
	}
	return seen, nil
}

// TestWipedMemory: with WipeBuffers, what connections leave in the pools is zeros; and
// without, this would see it.
func TestWipedMemory(t *testing.T) {
	require.False(t, leavesBytes(t, true), "somebody's bytes")
	require.True(t, leavesBytes(t, false), "nobody's bytes: what would be seen?")
}

// leavesBytes lets connections come and go, and reports whether they left bytes.
func leavesBytes(t *testing.T, wipe bool) (found bool) {
	rt := newRuntime(t, &runtime.Config{Loops: 1, WipeBuffers: wipe})
	addr := listen(t, rt, "tcp", acceptEcho)
	secret := make([]byte, 1<<20)
	streamBytes(7, 0, secret)
	for i := range 8 {
		c := dial(t, addr).(*net.TCPConn)
		go func() { _, _ = c.Write(secret) }()
		_, err := io.CopyN(io.Discard, c, int64(len(secret)>>i))
		require.NoError(t, err)
		require.NoError(t, c.SetLinger(0))
		require.NoError(t, c.Close())
	}
	require.Eventually(t, func() bool { return rt.Stats().Total().Conns == 0 }, watchdog, tick)
	pool := rt.Loops()[0].Pool()
	zeros := make([]byte, 1<<20)
	var got []*buffers.Chunk
	for range 256 {
		c := pool.Get(16 << 10)
		require.NotNil(t, c)
		got = append(got, c)
		found = found || !bytes.Equal(c.Room(), zeros[:len(c.Room())])
	}
	for _, c := range got {
		c.Release()
	}
	return found
}
