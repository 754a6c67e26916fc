package stdnet_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/stdnet"
)

// opener opens listeners and connections: package net's, or ours.
type opener struct {
	listen func(lc net.ListenConfig, network, address string) (net.Listener, error)
	dial   func(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error)
}

var stdNetwork = opener{
	listen: func(lc net.ListenConfig, network, address string) (net.Listener, error) {
		lc.SetMultipathTCP(false)
		return lc.Listen(context.Background(), network, address)
	},
	dial: func(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
		return d.DialContext(ctx, network, address)
	},
}

// ourNetwork takes the same configurations to this package's.
func ourNetwork(t *testing.T, mode stdnet.Mode) opener {
	rt := newRuntime(t)
	return opener{
		listen: func(lc net.ListenConfig, network, address string) (net.Listener, error) {
			c := stdnet.ListenConfig{Runtime: rt, Mode: mode, Control: lc.Control, KeepAlive: lc.KeepAlive,
				KeepAliveConfig: lc.KeepAliveConfig}
			return c.Listen(context.Background(), network, address)
		},
		dial: func(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
			c := stdnet.Dialer{Runtime: rt, Mode: mode, Timeout: d.Timeout, Deadline: d.Deadline, LocalAddr: d.LocalAddr,
				FallbackDelay: d.FallbackDelay, KeepAlive: d.KeepAlive, KeepAliveConfig: d.KeepAliveConfig,
				Resolver: d.Resolver, Control: d.Control, ControlContext: d.ControlContext}
			return c.DialContext(ctx, network, address)
		},
	}
}

// sameAsStd runs f on package net and in every mode: what it notes must be the same.
func sameAsStd(t *testing.T, f func(t *testing.T, n opener, note func(what string, args ...any))) {
	t.Helper()
	run := func(t *testing.T, n opener) (notes []string) {
		guard := time.AfterFunc(watchdog, func() { panic("test hangs: " + t.Name()) })
		defer guard.Stop()
		f(t, n, func(what string, args ...any) { notes = append(notes, what+": "+fmt.Sprintln(args...)) })
		return notes
	}
	want := run(t, stdNetwork)
	require.NotEmpty(t, want)
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) { require.Equal(t, want, run(t, ourNetwork(t, mode))) })
	}
}

// plain says of an error what does not change with ports and paths.
func plain(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) {
		return fmt.Sprintf("%T %v", err, err)
	}
	return fmt.Sprintf("%s %s %T timeout=%v exceeded=%v", op.Op, op.Net, op.Err, op.Timeout(),
		errors.Is(err, os.ErrDeadlineExceeded))
}

// familyOf says of an address what does not change with its port.
func familyOf(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return fmt.Sprintf("%T %s", a, a.Network())
	}
	return fmt.Sprintf("%s %s %s", tcp.Network(), tcp.IP, tcp.Zone)
}

// exchange connects both ends and speaks over them in both directions.
func exchange(
	t *testing.T, n opener, ln net.Listener, d *net.Dialer, network, address string,
) (server, client net.Conn) {
	t.Helper()
	client, err := n.dial(context.Background(), d, network, address)
	require.NoError(t, err)
	server, err = ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { server.Close(); client.Close() })
	for _, c := range []struct{ from, to net.Conn }{{client, server}, {server, client}} {
		_, err := c.from.Write([]byte("hello"))
		require.NoError(t, err)
		buf := make([]byte, 10)
		k, err := c.to.Read(buf)
		require.NoError(t, err)
		require.Equal(t, "hello", string(buf[:k]))
	}
	return server, client
}

// TestNetworksAsStd: every network with every address that fits, or does not.
func TestNetworksAsStd(t *testing.T) {
	sameAsStd(t, func(t *testing.T, n opener, note func(string, ...any)) {
		addresses := []string{"127.0.0.1:0", "[::1]:0", ":0", "localhost:0", "0.0.0.0:0", "[::]:0", "127.0.0.1", "x:y:z"}
		for _, network := range []string{"tcp", "tcp4", "tcp6"} {
			for _, address := range addresses {
				what := network + " " + address
				ln, err := n.listen(net.ListenConfig{}, network, address)
				if err != nil {
					note(what, plain(err))
					continue
				}
				note(what, familyOf(ln.Addr()))
				_, port, err := net.SplitHostPort(ln.Addr().String())
				require.NoError(t, err)
				for _, host := range []string{"127.0.0.1", "::1"} {
					if !listensOn(ln, network, host) {
						continue // somebody else may have that port there
					}
					to := net.JoinHostPort(host, port)
					c, err := n.dial(context.Background(), &net.Dialer{}, network, to)
					if err != nil {
						note(what+" dials "+host, plain(err))
						continue
					}
					c.Close()
					s, err := ln.Accept()
					require.NoError(t, err)
					s.Close()
					server, client := exchange(t, n, ln, &net.Dialer{}, network, to)
					note(what+" dials "+host, familyOf(client.LocalAddr()), familyOf(client.RemoteAddr()),
						familyOf(server.LocalAddr()), familyOf(server.RemoteAddr()),
						client.LocalAddr().String() == server.RemoteAddr().String())
				}
				ln.Close()
			}
		}
	})
}

// listensOn reports whether a listener of a network takes connections to a host.
func listensOn(ln net.Listener, network, host string) bool {
	ip, to := ln.Addr().(*net.TCPAddr).IP, net.ParseIP(host)
	switch {
	case !ip.IsUnspecified():
		return ip.Equal(to)
	case network == "tcp6":
		return to.To4() == nil
	}
	return network != "tcp4" && ip.To4() == nil || to.To4() != nil
}

type ctxKey struct{}

// TestControlAsStd: who gets what, and what its error does.
func TestControlAsStd(t *testing.T) {
	sameAsStd(t, func(t *testing.T, n opener, note func(string, ...any)) {
		for _, network := range []string{"tcp", "tcp4", "unix"} {
			refuse := false
			control := func(who string) func(network, address string, c syscall.RawConn) error {
				return func(network, address string, c syscall.RawConn) error {
					if i := strings.LastIndexByte(address, ':'); i >= 0 {
						address = address[:i]
					} else {
						address = filepath.Base(address)
					}
					valid := false
					err := c.Control(func(fd uintptr) { valid = fd > 2 })
					note(who, network, address, valid, err)
					if refuse {
						return syscall.EDOM
					}
					return nil
				}
			}
			ln, err := n.listen(net.ListenConfig{Control: control("listen")}, network, address(t, network))
			require.NoError(t, err)
			d := &net.Dialer{Control: control("dial")}
			exchange(t, n, ln, d, network, ln.Addr().String())
			d.ControlContext = func(ctx context.Context, network, address string, c syscall.RawConn) error {
				note("context", ctx.Value(ctxKey{}))
				return control("dial with context")(network, address, c)
			}
			ctx := context.WithValue(context.Background(), ctxKey{}, "the caller's")
			c, err := n.dial(ctx, d, network, ln.Addr().String())
			require.NoError(t, err)
			c.Close()

			refuse = true
			_, err = n.dial(ctx, d, network, ln.Addr().String())
			note("refused", plain(err), errors.Is(err, syscall.EDOM))
			_, err = n.listen(net.ListenConfig{Control: control("listen")}, network, address(t, network))
			note("refused", plain(err), errors.Is(err, syscall.EDOM))
			ln.Close()
		}
	})
}

// TestDialLimitsAsStd: local addresses, and when a dial gives up.
func TestDialLimitsAsStd(t *testing.T) {
	sameAsStd(t, func(t *testing.T, n opener, note func(string, ...any)) {
		ln, err := n.listen(net.ListenConfig{}, "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer ln.Close()
		to := ln.Addr().String()
		local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}
		_, client := exchange(t, n, ln, &net.Dialer{LocalAddr: local}, "tcp", to)
		note("local address", familyOf(client.LocalAddr()))
		_, err = n.dial(context.Background(), &net.Dialer{LocalAddr: &net.UDPAddr{}}, "tcp", to)
		note("another's local address", plain(err))
		_, err = n.dial(context.Background(), &net.Dialer{LocalAddr: client.LocalAddr()}, "tcp4", to)
		note("local address in use", plain(err))

		_, err = n.dial(context.Background(), &net.Dialer{Deadline: longAgo}, "tcp", to)
		note("deadline", plain(err))
		_, err = n.dial(context.Background(), &net.Dialer{Timeout: time.Nanosecond}, "tcp", to)
		note("timeout", plain(err))
		exchange(t, n, ln, &net.Dialer{Deadline: time.Now().Add(time.Hour), Timeout: time.Hour}, "tcp", to)

		// The limit of a dial that has begun: the hook waits for it.
		late := func(ctx context.Context, _, _ string, _ syscall.RawConn) error {
			<-ctx.Done()
			return nil
		}
		for _, d := range []*net.Dialer{{Timeout: 20 * time.Millisecond}, {Deadline: time.Now().Add(20 * time.Millisecond)}} {
			d.ControlContext = late
			_, err = n.dial(context.Background(), d, "tcp", to)
			note("late", plain(err))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		_, err = n.dial(ctx, &net.Dialer{ControlContext: late}, "tcp", to)
		cancel()
		note("late context", plain(err))
		ctx, cancel = context.WithCancel(context.Background())
		cancel()
		_, err = n.dial(ctx, &net.Dialer{}, "tcp", to)
		note("canceled", plain(err))
	})
}

// TestAcceptAsStd: deadlines of Accept, and Close, which unblocks it.
func TestAcceptAsStd(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			sameAsStd(t, func(t *testing.T, n opener, note func(string, ...any)) {
				ln, err := n.listen(net.ListenConfig{}, network, address(t, network))
				require.NoError(t, err)
				defer ln.Close()
				limited := ln.(interface{ SetDeadline(t time.Time) error })
				accept := func(what string) {
					c, err := ln.Accept()
					note(what, c == nil, plain(err))
				}
				require.NoError(t, limited.SetDeadline(longAgo))
				accept("past")
				require.NoError(t, limited.SetDeadline(time.Now().Add(10*time.Millisecond)))
				accept("soon")
				require.NoError(t, limited.SetDeadline(time.Time{}))
				done := blocked(func() { accept("interrupted") })
				require.NoError(t, limited.SetDeadline(longAgo))
				<-done
				require.NoError(t, limited.SetDeadline(time.Now().Add(time.Hour)))
				exchange(t, n, ln, &net.Dialer{}, network, ln.Addr().String())
				done = blocked(func() { accept("closed") })
				err = ln.Close()
				<-done
				note("close", plain(err))
				accept("after close")
				note("close", plain(ln.Close()))
				note("set deadline", plain(limited.SetDeadline(longAgo)))
				if network == "unix" {
					_, err := os.Stat(ln.Addr().String())
					note("path is gone", os.IsNotExist(err))
				}
			})
		})
	}
}
