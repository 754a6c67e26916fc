package fiber_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver/drivertest"
	"github.com/headrace/headrace/runtime/driver/faults"
	"github.com/headrace/headrace/runtime/fiber"
)

// underFaults starts a runtime on a misbehaving engine.
func underFaults(t *testing.T, b runtime.Backend, set func(seed uint64) faults.Config) *runtime.Runtime {
	t.Helper()
	cfg := set(faults.Seed(t.Logf))
	cfg.Fail = func(err error) { t.Error(err) }
	rt, err := runtime.New(&runtime.Config{
		Loops: 2, Backend: b, RecvBuffers: 16, RecvBufferSize: 4 << 10,
		WrapEngine: cfg.WrapEngine,
	})
	drivertest.MustRun(t, b.String(), err)
	t.Cleanup(func() { require.NoError(t, rt.Close()) })
	return rt
}

// mixed answers messages, each a length and as many bytes, in the ways that a fiber
// can: from memory, from chunks, from a file, after a pause.
func mixed(file *os.File) func(c *fiber.Conn) error {
	return func(c *fiber.Conn) error {
		for i := 0; ; i++ {
			var head [4]byte
			if _, err := io.ReadFull(c, head[:]); err != nil {
				return err
			}
			n := int(binary.BigEndian.Uint32(head[:]))
			var err error
			switch i % 4 {
			case 0:
				_, err = io.CopyN(c, c, int64(n))
			case 1:
				p := make([]byte, n)
				if _, err = c.ReadFull(p); err == nil {
					_, err = c.Write(p)
				}
			case 2:
				for left := n; left > 0 && err == nil; {
					p := make([]byte, min(left, 3000))
					var k int
					if k, err = c.Read(p); err == nil {
						_, err = c.Write(p[:k])
					}
					left -= k
				}
			case 3:
				p := make([]byte, n)
				if _, err = io.ReadFull(c, p); err == nil {
					_, err = c.SendFile(p[:0], file, 0, int64(n))
				}
			}
			if err != nil {
				return err
			}
		}
	}
}

// talk has messages answered and looks at every byte. The end is orderly.
func talk(addr net.Addr, content []byte, r *rand.Rand, rounds int) error {
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		return err
	}
	c := conn.(*net.TCPConn)
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(watchdog)); err != nil {
		return err
	}
	for range rounds {
		n := 1 + r.IntN([]int{50, 5_000, len(content)}[r.IntN(3)])
		message := binary.BigEndian.AppendUint32(nil, uint32(n))
		message = append(message, content[:n]...)
		wrote := make(chan error, 1)
		go func() {
			_, err := c.Write(message)
			wrote <- err
		}()
		got := make([]byte, n)
		if _, err := io.ReadFull(c, got); err != nil {
			return errors.Join(err, c.Close(), <-wrote)
		}
		if err := <-wrote; err != nil {
			return err
		}
		if !bytes.Equal(got, content[:n]) {
			return errOther
		}
	}
	if err := c.CloseWrite(); err != nil {
		return err
	}
	if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
		return errors.Join(err, errRest)
	}
	return nil
}

var (
	errOther = errors.New("other bytes came back")
	errRest  = errors.New("no orderly end, or more than was sent")
)

// TestFibersUnderFaults: what an engine may do at any time costs no byte; what cuts
// connections and fails accepts is an error, and never wrong bytes.
func TestFibersUnderFaults(t *testing.T) {
	const size = 100_000
	content := randomBytes(size)
	name := filepath.Join(t.TempDir(), "content")
	require.NoError(t, os.WriteFile(name, content, 0o600))
	file, err := os.Open(name)
	require.NoError(t, err)
	defer file.Close()
	for _, b := range []runtime.Backend{runtime.IOUring, runtime.Epoll, runtime.Portable} {
		for _, mode := range []struct {
			name string
			set  func(uint64) faults.Config
		}{{"contract", faults.Contract}, {"all", faults.All}} {
			t.Run(b.String()+"/"+mode.name, func(t *testing.T) {
				rt := underFaults(t, b, mode.set)
				addr := serve(t, rt, mixed(file))
				var clients sync.WaitGroup
				const peers = 8
				errs := make(chan error, peers)
				for i := range peers {
					clients.Go(func() {
						errs <- talk(addr, content, rand.New(rand.NewPCG(1, uint64(i))), 20)
					})
				}
				clients.Wait()
				close(errs)
				for err := range errs {
					if mode.name == "contract" {
						require.NoError(t, err)
					}
					require.NotErrorIs(t, err, errOther)
				}
			})
		}
	}
}
