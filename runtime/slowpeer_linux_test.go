package runtime_test

import (
	"errors"
	"io"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver"
)

// smallWindow gives a connection a small queue to receive into, before it is made: what is
// sent into a window that is taken back is dropped and sent again, seconds later in the
// end. And it gives it the segments of an Ethernet: those of loopback are larger than such
// a window, which then opens by the sender's slow probes alone.
func smallWindow(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = errors.Join(
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, smallQueue),
			syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1460))
	})
	if err != nil {
		return err
	}
	return failed
}

// TestSlowReaderGetsAll: a peer that reads slowly, but does, gets everything, however
// it is sent, though the kernel's queue is so large that it completes nothing for
// longer than the time-outs.
func TestSlowReaderGetsAll(t *testing.T) {
	if testing.Short() {
		t.Skip("reads slowly for some seconds")
	}
	// The peer's window opens after some 100 KiB, 0.7 s apart on a machine that has time,
	// and nothing completes for 6 s: the time-out is far from either.
	const size, slow, queue, timeout = 6 << 20, 900 << 10, 1 << 20, 3 * time.Second
	rt := newRuntime(t, &runtime.Config{Loops: 1, LingerTimeout: timeout, WriteTimeout: timeout})
	f := patternFile(t, size)
	own := make([]byte, size)
	_, _ = io.ReadFull(pattern(size), own)
	ways := map[string]func(c *runtime.Conn){
		"Send": func(c *runtime.Conn) {
			var chain buffers.Chain
			chain.Append(buffers.Wrap(own, nil))
			_ = c.Send(chain)
		},
		"Write":    func(c *runtime.Conn) { _, _ = c.Write(own) },
		"SendFile": func(c *runtime.Conn) { _ = c.SendFile(f, 0, -1, nil) },
	}
	want := hashPattern(size)
	var wg sync.WaitGroup
	for name, send := range ways {
		addr, ended := serveFuncs(t, rt, funcs{open: func(c *runtime.Conn) {
			_ = c.SetOption(driver.WriteBuffer, queue)
			send(c)
			c.Close()
		}})
		wg.Go(func() {
			err := readInSteps(addr.String(), 3<<10, size, want, func(n int64) {
				if n < slow {
					time.Sleep(20 * time.Millisecond) // 150 KB a second
				}
			})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := <-ended; err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	wg.Wait()
}
