package fiber_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

func TestReadChainN(t *testing.T) {
	data := randomBytes(3 << 20)
	addr := serve(t, newRuntime(t), func(c *fiber.Conn) error {
		for _, n := range []int{0, 1, 100, 16<<10 + 1, 2 << 20} {
			chain, err := c.ReadChainN(n)
			if err != nil || chain.Len() != n {
				return fmt.Errorf("%d of %d: %w", chain.Len(), n, err)
			}
			if err := c.Send(chain); err != nil {
				return err
			}
		}
		if _, err := c.ReadChainN(3 << 20); err != io.ErrUnexpectedEOF {
			return fmt.Errorf("too few: %w", err)
		}
		rest, err := io.ReadAll(c) // nothing was taken
		if err != nil {
			return err
		}
		if _, err := c.ReadChainN(1); err != io.EOF {
			return fmt.Errorf("none: %w", err)
		}
		_, err = c.Write(append(rest, "end"...))
		return err
	})
	require.True(t, bytes.Equal(append(bytes.Clone(data), "end"...), roundTrip(t, addr, data)))
}

// TestReadLine: lines as they come, whole or byte by byte, and what is none.
func TestReadLine(t *testing.T) {
	const limit = 40 << 10
	long := strings.Repeat("x", 30<<10)
	lines := func(c *fiber.Conn) error {
		for {
			line, err := c.ReadLine(limit)
			if err != nil {
				rest, _ := io.ReadAll(c)
				fmt.Fprintf(c, "%v, %d left", err, len(rest))
				return nil
			}
			fmt.Fprintf(c, "%d:%.3s;", len(line), line)
		}
	}
	for in, want := range map[string]string{
		"":                    "EOF, 0 left",
		"\n":                  "0:;EOF, 0 left",
		"\r\n\r\r\n":          "0:;1:\r;EOF, 0 left",
		"one\ntwo\r\nthree":   "3:one;3:two;unexpected EOF, 5 left",
		long + "\n" + "b\n":   "30720:xxx;1:b;EOF, 0 left",
		long + long + "\nend": "headrace: delimiter not within the limit, 61444 left",
	} {
		require.Equal(t, want, string(roundTrip(t, serve(t, newRuntime(t), lines), []byte(in))))
	}
	addr := serve(t, newRuntime(t), lines)
	c := dial(t, addr)
	for _, b := range []byte("ab\ncd\n") {
		_, err := c.Write([]byte{b})
		require.NoError(t, err)
	}
	require.NoError(t, c.CloseWrite())
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "2:ab;2:cd;EOF, 0 left", string(got))
}

// TestReadLineHeld: a line outlives its connection, and is given back when the
// fiber ends without another read, also by a panic.
func TestReadLineHeld(t *testing.T) {
	for _, panics := range []bool{false, true} {
		rt := newRuntime(t)
		kept := make(chan string, 1)
		addr := serve(t, rt, func(c *fiber.Conn) error {
			line, err := c.ReadLine(100)
			if err != nil {
				return err
			}
			for c.Flush() == nil { // until the peer's reset
				_, _ = c.WriteString("ping")
				c.Sleep(time.Millisecond)
			}
			kept <- string(line)
			if panics {
				panic("as asked")
			}
			return nil
		})
		c := dial(t, addr)
		_, err := c.Write([]byte("a line\n"))
		require.NoError(t, err)
		require.NoError(t, c.SetLinger(0))
		_, err = io.ReadFull(c, make([]byte, 4))
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.Equal(t, "a line", <-kept)
	}
}

func TestReadUntil(t *testing.T) {
	const delim = "\r\n\r\n"
	addr := serve(t, newRuntime(t), func(c *fiber.Conn) error {
		for {
			head, err := c.ReadUntil([]byte(delim), 100<<10)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(c, "%d;", head.Len())
			head.Release()
		}
	})
	var in bytes.Buffer
	var want strings.Builder
	for _, n := range []int{0, 1, 16<<10 - 3, 16<<10 - 2, 16 << 10, 90 << 10} { // across chunks
		in.WriteString(strings.Repeat("y", n) + delim)
		fmt.Fprintf(&want, "%d;", n+len(delim))
	}
	require.Equal(t, want.String(), string(roundTrip(t, addr, in.Bytes())))
}

func TestRecvToFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	data := randomBytes(5<<20 + 1)
	addr := serve(t, newRuntime(t), func(c *fiber.Conn) error {
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		defer f.Close()
		head, err := c.ReadChainN(10)
		if err != nil {
			return err
		}
		if n, err := c.WriteFile(f, 0, head); n != 10 || err != nil {
			return fmt.Errorf("wrote %d: %w", n, err)
		}
		n, err := c.RecvToFile(f, 10, int64(len(data)-15), &runtime.RecvFile{Sync: true})
		if err != nil {
			return err
		}
		if err := c.SyncFile(f); err != nil {
			return err
		}
		rest, err := io.ReadAll(c)
		fmt.Fprintf(c, "%d %s %v", n, rest, err)
		return nil
	})
	want := fmt.Sprintf("%d %s <nil>", len(data)-15, data[len(data)-5:])
	require.Equal(t, want, string(roundTrip(t, addr, data)))
	got, err := os.ReadFile(name)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data[:len(data)-5], got))
}
