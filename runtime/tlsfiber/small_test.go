package tlsfiber_test

import (
	"bytes"
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/tlsfiber"
)

// newSmallRuntime has connections that can not hold a record.
func newSmallRuntime(t *testing.T, unread int) *runtime.Runtime {
	t.Helper()
	rt, err := runtime.New(&runtime.Config{Loops: 1, UnreadHigh: unread})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close()) })
	return rt
}

// corked sends what was written with the next call of flush.
type corked struct {
	net.Conn
	held bytes.Buffer
	cork bool
}

func (c *corked) Write(p []byte) (int, error) {
	if c.cork {
		return c.held.Write(p)
	}
	return c.Conn.Write(p)
}

func (c *corked) flush(t *testing.T) {
	t.Helper()
	c.cork = false
	_, err := c.held.WriteTo(c.Conn)
	require.NoError(t, err)
}

// TestSmallConnections: who can not hold a record unread gets it in pieces, and none of the next with it: a fiber
// that waits for something to read sees all that has come.
func TestSmallConnections(t *testing.T) {
	for _, unread := range []int{1, 64 << 10} {
		everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
			rt := newSmallRuntime(t, unread)
			addr := serve(t, rt, &tlsfiber.Config{TLS: serverConfig(), OnLoop: onLoop}, func(c *tlsfiber.Conn) error {
				buf := make([]byte, 20<<10)
				for {
					if err := c.WaitReadable(); err != nil {
						return err
					}
					n, err := c.Read(buf)
					if err != nil {
						return err
					}
					if _, err := c.Write(buf[:n]); err != nil {
						return err
					}
				}
			})
			below := &corked{Conn: connect(t, addr)}
			c := tls.Client(below, clientConfig(version))
			speak(t, c, []byte("hello"))
			below.cork = true
			for _, request := range []string{"one", "two", "three"} {
				_, err := c.Write([]byte(request))
				require.NoError(t, err)
			}
			below.flush(t)
			var got []byte
			for len(got) < len("onetwothree") {
				buf := make([]byte, 100)
				n, err := c.Read(buf)
				require.NoError(t, err, string(got))
				got = append(got, buf[:n]...)
			}
			require.Equal(t, "onetwothree", string(got))
			speak(t, c, randomBytes(100_000))
			require.NoError(t, c.Close())
			deserted(t, rt)

			drip := tls.Client(dribble{connect(t, addr)}, clientConfig(version))
			speak(t, drip, []byte("byte by byte"))
			require.NoError(t, drip.Close())
			deserted(t, rt)
		})
	}
}
