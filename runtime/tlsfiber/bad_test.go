package tlsfiber_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
	"github.com/headrace/headrace/runtime/tlsfiber"
)

// clientHello is what a client sends first.
func clientHello(t *testing.T, version uint16) []byte {
	t.Helper()
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = tls.Client(near, clientConfig(version)).Handshake() // ends with the pipe
	}()
	head := make([]byte, 5)
	_, err := io.ReadFull(far, head)
	require.NoError(t, err)
	hello := append(head, make([]byte, binary.BigEndian.Uint16(head[3:]))...)
	_, err = io.ReadFull(far, hello[5:])
	require.NoError(t, err)
	far.Close()
	near.Close()
	<-done
	return hello
}

// TestBadHandshakes: what is no handshake ends with an error that says so, and holds
// up nobody: on the same loop, somebody else is served meanwhile.
func TestBadHandshakes(t *testing.T) {
	var notTLS tls.RecordHeaderError
	reset := func(c *net.TCPConn) { _ = c.SetLinger(0); c.Close() }
	finish := func(c *net.TCPConn) { _ = c.CloseWrite() }
	for name, tc := range map[string]struct {
		send func(hello []byte) []byte
		then func(c *net.TCPConn)
		want func(t *testing.T, err error)
	}{
		"garbage": {
			send: func([]byte) []byte { return []byte("\x00\xff\x80garbage, and more of it") },
			want: func(t *testing.T, err error) { require.ErrorAs(t, err, &notTLS) },
		},
		"an HTTP request": {
			send: func([]byte) []byte { return []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n") },
			want: func(t *testing.T, err error) {
				require.ErrorAs(t, err, &notTLS)
				require.Equal(t, "GET /", string(notTLS.RecordHeader[:]))
			},
		},
		"a record too long": {
			send: func([]byte) []byte { return []byte{22, 3, 1, 0xff, 0xff, 1} },
			want: func(t *testing.T, err error) { require.ErrorAs(t, err, &notTLS) },
		},
		"a message too long": {
			send: func(hello []byte) []byte { hello[6] = 0xff; return hello },
			want: func(t *testing.T, err error) { require.ErrorContains(t, err, "exceeds maximum") },
		},
		"random bytes in a record": {
			send: func(hello []byte) []byte { return append(hello[:9], randomBytes(len(hello)-9)...) },
			want: func(t *testing.T, err error) { require.Error(t, err) },
		},
		"nothing": {
			send: func([]byte) []byte { return nil },
			want: func(t *testing.T, err error) { require.ErrorIs(t, err, os.ErrDeadlineExceeded) },
		},
		"half a record": {
			send: func(hello []byte) []byte { return hello[:len(hello)/2] },
			want: func(t *testing.T, err error) { require.ErrorIs(t, err, os.ErrDeadlineExceeded) },
		},
		"nothing after the first message": {
			send: func(hello []byte) []byte { return hello },
			want: func(t *testing.T, err error) { require.ErrorIs(t, err, os.ErrDeadlineExceeded) },
		},
		"the end, at once": {
			send: func([]byte) []byte { return nil }, then: finish,
			want: func(t *testing.T, err error) { require.ErrorIs(t, err, io.EOF) },
		},
		"the end in a record": {
			send: func(hello []byte) []byte { return hello[:100] }, then: finish,
			want: func(t *testing.T, err error) { require.ErrorIs(t, err, io.ErrUnexpectedEOF) },
		},
		"the end after the first message": {
			send: func(hello []byte) []byte { return hello }, then: finish,
			want: func(t *testing.T, err error) { require.ErrorIs(t, err, io.EOF) },
		},
		"a reset after the first message": {
			send: func(hello []byte) []byte { return hello }, then: reset,
			want: func(t *testing.T, err error) { require.Error(t, err) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
				rt := newRuntime(t)
				cfg := &tlsfiber.Config{TLS: serverConfig(), OnLoop: onLoop}
				good := dial(t, serve(t, rt, cfg, echo), clientConfig(version))
				speak(t, good, []byte("before"))

				hurried := *cfg
				hurried.HandshakeTimeout = 200 * time.Millisecond
				if tc.then != nil {
					hurried.HandshakeTimeout = -1
				}
				addr, results := handshakes(t, rt, &hurried)
				bad := connect(t, addr)
				_, err := bad.Write(tc.send(clientHello(t, version)))
				require.NoError(t, err)
				speak(t, good, []byte("meanwhile"))
				if tc.then != nil {
					tc.then(bad)
				}
				err = <-results
				tc.want(t, err)
				var op *net.OpError
				require.ErrorAs(t, err, &op)
				require.Equal(t, "handshake", op.Op)
				if !strings.Contains(name, "reset") { // whose socket forgets its peer
					require.Contains(t, err.Error(), bad.LocalAddr().String())
				}
				_, _ = io.Copy(io.Discard, bad) // an alert, and the end
				require.NoError(t, good.Close())
				deserted(t, rt)
			})
		})
	}
}

// TestByteByByte: a peer that sends every byte by itself is a peer.
func TestByteByByte(t *testing.T) {
	everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
		rt := newRuntime(t)
		addr := serve(t, rt, &tlsfiber.Config{TLS: serverConfig(rsa2048()), OnLoop: onLoop}, echo)
		c := tls.Client(dribble{connect(t, addr)}, clientConfig(version))
		speak(t, c, []byte("byte by byte"))
		require.NoError(t, c.Close())
		deserted(t, rt)
	})
}

type dribble struct{ *net.TCPConn }

func (d dribble) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := d.TCPConn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// TestBadRecords: what happens to the stream after the handshake.
func TestBadRecords(t *testing.T) {
	for name, tc := range map[string]struct {
		send []byte
		want string
	}{
		"truncated":       {[]byte{23, 3, 3, 1, 0, 'x'}, "unexpected EOF"},
		"truncated early": {[]byte{23, 3}, "unexpected EOF"},
		"forged":          {append([]byte{23, 3, 3, 0, 40}, make([]byte, 40)...), "bad record MAC"},
		"no record":       {[]byte("HTTP/1.1 200 OK"), "received record with version"},
		"ends":            {nil, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
				rt := newRuntime(t)
				result := make(chan error, 1)
				cfg := &tlsfiber.Config{TLS: serverConfig(), OnLoop: onLoop}
				addr := serve(t, rt, cfg, func(c *tlsfiber.Conn) error {
					err := echo(c)
					result <- err
					return err
				})
				tcp := connect(t, addr)
				c := tls.Client(tcp, clientConfig(version))
				speak(t, c, []byte("hello"))
				_, err := tcp.Write(tc.send)
				require.NoError(t, err)
				require.NoError(t, tcp.CloseWrite())
				require.ErrorContains(t, <-result, tc.want)
				_, _ = io.Copy(io.Discard, tcp)
				deserted(t, rt)
			})
		})
	}
}

// TestPeerVanishes: a reset in the middle of the conversation.
func TestPeerVanishes(t *testing.T) {
	everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
		rt := newRuntime(t)
		addr := serve(t, rt, &tlsfiber.Config{TLS: serverConfig(), OnLoop: onLoop}, echo)
		tcp := connect(t, addr)
		speak(t, tls.Client(tcp, clientConfig(version)), randomBytes(100_000))
		require.NoError(t, tcp.SetLinger(0))
		require.NoError(t, tcp.Close())
		deserted(t, rt)
	})
}

// TestCloseMeansCloseNotify: and an end by failure does not. TLS 1.2 shows the type
// of a record, so the test can see an alert.
func TestCloseMeansCloseNotify(t *testing.T) {
	const alert = 21
	for _, failed := range []error{nil, io.EOF, errors.New("as asked")} {
		rt := newRuntime(t)
		addr := serve(t, rt, &tlsfiber.Config{TLS: serverConfig()}, func(c *tlsfiber.Conn) error {
			if _, err := io.WriteString(c, "hello"); err != nil {
				return err
			}
			return failed
		})
		wire := &recorder{Conn: connect(t, addr)}
		got, err := io.ReadAll(tls.Client(wire, clientConfig(tls.VersionTLS12)))
		require.NoError(t, err)
		require.Equal(t, "hello", string(got))
		var last byte
		for b := wire.got; len(b) >= 5; b = b[5+int(binary.BigEndian.Uint16(b[3:])):] {
			last = b[0]
		}
		require.Equal(t, failed == nil || failed == io.EOF, last == alert, "%v", failed)
		deserted(t, rt)
	}
}

// recorder keeps what was read.
type recorder struct {
	net.Conn
	got []byte
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.got = append(r.got, p[:n]...)
	return n, err
}

// TestRenegotiation: refused, as crypto/tls refuses it; OpenSSL's client asks for it.
func TestRenegotiation(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl to ask for it")
	}
	for _, onLoop := range []bool{false, true} {
		rt := newRuntime(t)
		result := make(chan error, 1)
		cfg := &tlsfiber.Config{TLS: serverConfig(), OnLoop: onLoop}
		addr := serve(t, rt, cfg, func(c *tlsfiber.Conn) error {
			err := echo(c)
			result <- err
			return err
		})
		cmd := exec.Command(openssl, "s_client", "-connect", addr.String(), "-tls1_2")
		cmd.Stdin = strings.NewReader("R\n")
		out, _ := cmd.CombinedOutput() // its exit code is about our alert
		err := <-result
		require.ErrorContains(t, err, "unexpected handshake message", "%s", out)
		deserted(t, rt)
	}
}

// TestCloseRuntime in the middle of handshakes.
func TestCloseRuntime(t *testing.T) {
	everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
		rt, err := runtime.New(&runtime.Config{Loops: 1})
		require.NoError(t, err)
		begun := make(chan struct{}, 3)
		results := make(chan error, 3)
		cfg := &tlsfiber.Config{TLS: serverConfig(), OnLoop: onLoop}
		addr := listen(t, rt, fiber.Serve(func(fc *fiber.Conn) error {
			begun <- struct{}{}
			err := tlsfiber.Server(fc, cfg).Handshake()
			results <- err
			return err
		}))
		hello := clientHello(t, version)
		for _, n := range []int{0, 10, len(hello)} {
			_, err := connect(t, addr).Write(hello[:n])
			require.NoError(t, err)
			<-begun
		}
		require.NoError(t, rt.Close())
		for range 3 {
			require.Error(t, <-results)
		}
	})
}

// TestNoConfiguration: a server without a certificate, and a client that trusts the
// system's authorities alone, say so.
func TestNoConfiguration(t *testing.T) {
	rt := newRuntime(t)
	for _, cfg := range []*tlsfiber.Config{nil, {}} {
		addr := serve(t, rt, cfg, echo)
		require.Error(t, dial(t, addr, clientConfig(tls.VersionTLS13)).Handshake())
		addr = serve(t, rt, &tlsfiber.Config{TLS: serverConfig()}, echo)
		failed := make(chan error, 1)
		require.NoError(t, fiber.Go(rt.Loops()[0], func(task *fiber.Task) {
			_, err := tlsfiber.Dial(context.Background(), task, "tcp", addr.String(), cfg)
			failed <- err
		}))
		var unknown x509.UnknownAuthorityError
		require.ErrorAs(t, <-failed, &unknown)
	}
	require.Zero(t, rt.Stats().Total().Panics)
}

// TestHandshakeDrip: a peer that sends a byte now and then has no more time than one
// that is silent.
func TestHandshakeDrip(t *testing.T) {
	rt := newRuntime(t)
	for _, onLoop := range []bool{false, true} {
		cfg := &tlsfiber.Config{TLS: serverConfig(), HandshakeTimeout: 100 * time.Millisecond, OnLoop: onLoop}
		c, err := net.Dial("tcp", serve(t, rt, cfg, echo).String())
		require.NoError(t, err)
		defer c.Close()
		stop := make(chan struct{})
		dripped := make(chan struct{})
		go func() {
			defer close(dripped)
			hello := append([]byte{22, 3, 1, 64, 0, 1, 0, 63, 252, 3, 3}, make([]byte, 1<<14)...)
			for _, b := range hello {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
			}
		}()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(watchdog)))
		_, err = io.Copy(io.Discard, c) // until the server has enough of it
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
		close(stop)
		<-dripped
	}
	deserted(t, rt)
}
