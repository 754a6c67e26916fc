package tlsfiber_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/tlsfiber"
)

func writeFile(t *testing.T, data []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, data, 0o600))
	return name
}

func TestSendFile(t *testing.T) {
	ways := map[string]func(c *tlsfiber.Conn, f *os.File) (int64, error){
		"SendFile": func(c *tlsfiber.Conn, f *os.File) (int64, error) { return c.SendFile([]byte("head:"), f, 0, -1) },
		"a large head": func(c *tlsfiber.Conn, f *os.File) (int64, error) {
			return c.SendFile(append(make([]byte, 100_000), "head:"...), f, 0, -1)
		},
		"io.CopyN": func(c *tlsfiber.Conn, f *os.File) (int64, error) {
			fi, err := f.Stat()
			if err != nil {
				return 0, err
			}
			if _, err := io.WriteString(c, "head:"); err != nil {
				return 0, err
			}
			return io.CopyN(c, f, fi.Size())
		},
	}
	for name, way := range ways {
		for _, size := range []int{0, 1, 16 << 10, 70 << 10, 9 << 20} {
			t.Run(fmt.Sprintf("%s/%d", name, size), func(t *testing.T) {
				data := randomBytes(size)
				path := writeFile(t, data)
				rt := newRuntime(t)
				addr := serve(t, rt, &tlsfiber.Config{TLS: serverConfig()}, func(c *tlsfiber.Conn) error {
					f, err := os.Open(path)
					if err != nil {
						return err
					}
					defer f.Close()
					if n, err := way(c, f); n != int64(size) || err != nil {
						return fmt.Errorf("sent %d: %w", n, err)
					}
					_, err = io.WriteString(c, ":tail")
					return err
				})
				got, err := io.ReadAll(dial(t, addr, clientConfig(tls.VersionTLS13)))
				require.NoError(t, err)
				if name == "a large head" {
					got = got[100_000:]
				}
				require.True(t, "head:"+string(data)+":tail" == string(got))
			})
		}
	}
}

// TestReadFromNothing: a limit below zero is one that is used up.
func TestReadFromNothing(t *testing.T) {
	path := writeFile(t, randomBytes(1000))
	addr := serve(t, newRuntime(t), &tlsfiber.Config{TLS: serverConfig()}, func(c *tlsfiber.Conn) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		for _, limit := range []int64{-1, 0} {
			if n, err := c.ReadFrom(&io.LimitedReader{R: f, N: limit}); n != 0 || err != nil {
				return fmt.Errorf("sent %d: %w", n, err)
			}
		}
		_, err = io.WriteString(c, "nothing")
		return err
	})
	got, err := io.ReadAll(dial(t, addr, clientConfig(tls.VersionTLS13)))
	require.NoError(t, err)
	require.Equal(t, "nothing", string(got))
}

// TestSendFileTooShort: the peer must be able to tell that there was to be more.
func TestSendFileTooShort(t *testing.T) {
	path := writeFile(t, randomBytes(100_000))
	rt := newRuntime(t)
	result := make(chan error, 1)
	addr := serve(t, rt, &tlsfiber.Config{TLS: serverConfig()}, func(c *tlsfiber.Conn) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = c.SendFile(nil, f, 0, 200_000)
		result <- err
		return err
	})
	_, err := io.ReadAll(dial(t, addr, clientConfig(tls.VersionTLS13)))
	require.Error(t, err)
	err = <-result
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorContains(t, err, path)
	deserted(t, rt)
}

// TestSendFileIsBounded: a peer that does not read makes the server hold little of
// the file.
func TestSendFileIsBounded(t *testing.T) {
	const size, most = 32 << 20, 1 << 20
	path := writeFile(t, make([]byte, size))
	rt := newRuntime(t)
	addr := serve(t, rt, &tlsfiber.Config{TLS: serverConfig()}, func(c *tlsfiber.Conn) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		before := peak(c)
		if _, err := c.SendFile(nil, f, 0, -1); err != nil {
			return err
		}
		if held := peak(c) - before; held > most {
			return fmt.Errorf("held %d bytes", held)
		}
		_, err = io.WriteString(c, "bounded")
		return err
	})
	c := dial(t, addr, clientConfig(tls.VersionTLS13))
	require.NoError(t, c.Handshake())
	sent := uint64(0)
	require.Eventually(t, func() bool { // what the sockets can hold is on its way, as far as one can see
		was := sent
		sent = rt.Stats().Total().Engine.BytesOut
		return sent == was
	}, watchdog, 10*time.Millisecond)
	require.Less(t, sent, uint64(size))
	_, err := io.CopyN(io.Discard, c, size)
	require.NoError(t, err)
	rest, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "bounded", string(rest))
}

// peak is the most memory of the loop's pool that ever was in use.
func peak(c *tlsfiber.Conn) (n int) {
	for _, class := range c.Loop().Pool().Stats().Classes {
		n += class.Peak * class.BlockSize
	}
	return n
}
