package stdnet_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver/drivertest"
	"github.com/headrace/headrace/runtime/driver/faults"
	"github.com/headrace/headrace/runtime/stdnet"
)

// TestConnThatIsCut: over an engine that also cuts connections, whoever reads gets a
// beginning of what its peer wrote, and the orderly end behind all of it or not at all.
func TestConnThatIsCut(t *testing.T) {
	for _, b := range []runtime.Backend{runtime.IOUring, runtime.Epoll, runtime.Portable} {
		for _, mode := range []stdnet.Mode{stdnet.Loop, stdnet.Roam} { // those that use the engine
			t.Run(b.String()+"/"+mode.String(), func(t *testing.T) {
				cfg := faults.All(faults.Seed(t.Logf))
				cfg.Counts = &faults.Counts{}
				cfg.Fail = func(err error) { t.Error(err) }
				rt, err := runtime.New(&runtime.Config{
					Loops: 2, Backend: b,
					WrapEngine: cfg.WrapEngine,
				})
				drivertest.MustRun(t, b.String(), err)
				defer func() { require.NoError(t, rt.Close()) }() // a leaked chunk fails it
				var outcome cutOutcome
				const least = 30
				for i := 0; i < least || i < 10*least && !outcome.met(); i++ {
					server, client := pair(t, rt, "tcp", mode)
					outcome.exchange(t, server, client)
				}
				require.True(t, outcome.met(), "%d whole, %d cut", outcome.whole, outcome.cut)
				t.Logf("%d whole, %d cut; %v", outcome.whole, outcome.cut, cfg.Counts)
			})
		}
	}
}

// cutOutcome counts the directions that came to their end, and those that did not.
type cutOutcome struct{ whole, cut int }

// met tells whether both happened.
func (o *cutOutcome) met() bool { return o.whole > 0 && o.cut > 0 }

// side is what one side of a connection was told.
type side struct {
	wrote, read       int64
	writeErr, readErr error
}

// exchange sends both ways at once.
func (o *cutOutcome) exchange(t *testing.T, server, client net.Conn) {
	t.Helper()
	var sides [2]side
	var all sync.WaitGroup
	for i, c := range []net.Conn{server, client} {
		require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
		s := &sides[i]
		all.Go(func() { s.wrote, s.writeErr = sendStream(c, uint64(i)) })
		all.Go(func() {
			if s.read, s.readErr = readStream(c, uint64(1-i)); s.readErr != nil {
				_ = c.Close() // so that nobody waits any longer
			}
		})
	}
	all.Wait()
	o.judge(t, &sides[0], &sides[1])
	o.judge(t, &sides[1], &sides[0])
	_ = server.Close()
	_ = client.Close()
}

// sendStream writes a stream in pieces and ends it.
func sendStream(c net.Conn, stream uint64) (total int64, err error) {
	const pieces = 20
	for i := range pieces {
		n, err := c.Write(streamOf(stream, total, 1+i*i*100))
		if total += int64(n); err != nil {
			return total, err
		}
	}
	return total, c.(halfCloser).CloseWrite()
}

// readStream reads a stream to its end. Wrong bytes are errWrong.
func readStream(c net.Conn, stream uint64) (total int64, err error) {
	buf := make([]byte, 5000)
	for {
		n, err := c.Read(buf)
		if !bytes.Equal(buf[:n], streamOf(stream, total, n)) {
			return total, fmt.Errorf("%w in %d bytes from %d", errWrong, n, total)
		}
		if total += int64(n); err == io.EOF {
			return total, nil
		} else if err != nil {
			return total, err
		}
	}
}

var errWrong = errors.New("other bytes than were written")

// streamOf is n bytes of a stream from an offset.
func streamOf(stream uint64, off int64, n int) []byte {
	p := make([]byte, 0, n+16)
	for word := off / 8; len(p) < n+8; word++ {
		p = binary.LittleEndian.AppendUint64(p, (stream<<32|uint64(word))*0x9e3779b97f4a7c15)
	}
	return p[off%8:][:n]
}

// judge looks at one direction. That a writer was told of no error says nothing: what is
// on its way may be cut. The reader's end does, unless it was told of the cut by a write:
// as with package net, a socket's error is told once, and then there is an end.
func (o *cutOutcome) judge(t *testing.T, from, to *side) {
	for _, err := range []error{from.writeErr, to.readErr} {
		if errors.Is(err, errWrong) || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("from %+v to %+v", from, to)
			return
		}
	}
	switch {
	case to.read > from.wrote && from.writeErr == nil:
		t.Errorf("more than was written: from %+v to %+v", from, to)
	case to.readErr != nil, to.writeErr != nil:
		o.cut++
	case to.read != from.wrote || from.writeErr != nil:
		t.Errorf("an end came too early: from %+v to %+v", from, to)
	default:
		o.whole++
	}
}
