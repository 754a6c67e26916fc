package tlsfiber_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/fiber"
	"github.com/headrace/headrace/runtime/stdnet"
	"github.com/headrace/headrace/runtime/tlsfiber"
)

func TestEcho(t *testing.T) {
	everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
		for name, cert := range map[string]tls.Certificate{"ECDSA": p256(), "RSA": rsa2048()} {
			rt := newRuntime(t)
			addr := serve(t, rt, &tlsfiber.Config{TLS: serverConfig(cert), OnLoop: onLoop}, echo)
			for _, size := range []int{1, 5000, 1 << 20} {
				c := dial(t, addr, clientConfig(version))
				speak(t, c, randomBytes(size))
				require.Equal(t, version, c.ConnectionState().Version, name)
				require.NoError(t, c.Close())
			}
			deserted(t, rt)
		}
	})
}

// TestClient: a fiber is the client, of a fiber and of crypto/tls on package net.
func TestClient(t *testing.T) {
	everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
		rt := newRuntime(t)
		own := serve(t, rt, &tlsfiber.Config{TLS: serverConfig(), OnLoop: onLoop}, echo)
		ln, err := tls.Listen("tcp", "127.0.0.1:0", serverConfig())
		require.NoError(t, err)
		defer ln.Close()
		go echoOn(ln)

		client := clientConfig(version)
		client.ServerName = "" // Dial takes it from the address
		cfg := &tlsfiber.Config{TLS: client, OnLoop: onLoop}
		for _, addr := range []net.Addr{own, ln.Addr()} {
			data, result := randomBytes(100_000), make(chan error, 1)
			require.NoError(t, fiber.Go(rt.Loops()[0], func(task *fiber.Task) {
				result <- exchange(task, addr, cfg, data)
			}))
			require.NoError(t, <-result)
		}
		deserted(t, rt)
	})
}

// echoOn answers one connection.
func echoOn(ln net.Listener) {
	c, err := ln.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = io.Copy(c, c)
}

// exchange sends data and expects it back, then the server's close_notify.
func exchange(task *fiber.Task, addr net.Addr, cfg *tlsfiber.Config, data []byte) error {
	c, err := tlsfiber.Dial(context.Background(), task, "tcp", addr.String(), cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write(data); err != nil {
		return err
	}
	got := make([]byte, len(data))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if string(got) != string(data) {
		return errors.New("got something else")
	}
	if err := c.CloseWrite(); err != nil {
		return err
	}
	if n, err := c.Read(got); n != 0 || err != io.EOF {
		return fmt.Errorf("after the end: %d, %w", n, err)
	}
	return nil
}

func TestClientRefusesStrangers(t *testing.T) {
	everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
		rt := newRuntime(t)
		addr, results := handshakes(t, rt, &tlsfiber.Config{TLS: serverConfig(), OnLoop: onLoop})
		client := clientConfig(version)
		client.RootCAs = newAuthority(t, "another").pool
		result := make(chan error, 1)
		require.NoError(t, fiber.Go(rt.Loops()[0], func(task *fiber.Task) {
			cfg := &tlsfiber.Config{TLS: client, OnLoop: onLoop}
			_, err := tlsfiber.Dial(context.Background(), task, "tcp", addr.String(), cfg)
			result <- err
		}))
		var unknown x509.UnknownAuthorityError
		require.ErrorAs(t, <-result, &unknown)
		require.ErrorContains(t, <-results, "remote error: tls: ")
		deserted(t, rt)
	})
}

// TestDialCanceled: the context ends a handshake that nobody answers.
func TestDialCanceled(t *testing.T) {
	rt := newRuntime(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		c, err := ln.Accept()
		if err == nil {
			_, _ = c.Read(make([]byte, 1)) // the ClientHello has come
			cancel()
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	result := make(chan error, 1)
	require.NoError(t, fiber.Go(rt.Loops()[0], func(task *fiber.Task) {
		cfg := &tlsfiber.Config{TLS: clientConfig(0)}
		_, err := tlsfiber.Dial(ctx, task, "tcp", ln.Addr().String(), cfg)
		result <- err
	}))
	require.ErrorIs(t, <-result, context.Canceled)
	deserted(t, rt)
}

func TestALPN(t *testing.T) {
	everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
		rt := newRuntime(t)
		server := serverConfig()
		server.NextProtos = []string{"b", "a"}
		addr := serve(t, rt, &tlsfiber.Config{TLS: server, OnLoop: onLoop}, func(c *tlsfiber.Conn) error {
			_, err := io.WriteString(c, c.ConnectionState().NegotiatedProtocol)
			return err
		})
		client := clientConfig(version)
		client.NextProtos = []string{"a", "b"}
		got, err := io.ReadAll(dial(t, addr, client))
		require.NoError(t, err)
		require.Equal(t, "b", string(got))

		client.NextProtos = []string{"c"}
		require.ErrorContains(t, dial(t, addr, client).Handshake(), "no application protocol")
		deserted(t, rt)
	})
}

// TestResumption: a ticket of one connection is good for the next, on a listener of
// its own, too.
func TestResumption(t *testing.T) {
	everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
		rt := newRuntime(t)
		cfg := &tlsfiber.Config{TLS: serverConfig(), OnLoop: onLoop}
		client := clientConfig(version)
		client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
		for i, addr := range []net.Addr{serve(t, rt, cfg, echo), serve(t, rt, cfg, echo)} {
			c := dial(t, addr, client)
			speak(t, c, []byte("hello"))
			require.Equal(t, i > 0, c.ConnectionState().DidResume)
			require.NoError(t, c.Close())
		}
	})
}

// TestClientResumption: a fiber's connections resume with a cache, of a fiber's server and of crypto/tls.
func TestClientResumption(t *testing.T) {
	everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
		rt := newRuntime(t)
		ln, err := tls.Listen("tcp", "127.0.0.1:0", serverConfig())
		require.NoError(t, err)
		defer ln.Close()
		own := serve(t, rt, &tlsfiber.Config{TLS: serverConfig(rsa2048()), OnLoop: onLoop}, echo)
		for _, addr := range []net.Addr{own, ln.Addr()} {
			client := clientConfig(version)
			client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
			cfg := &tlsfiber.Config{TLS: client, OnLoop: onLoop}
			for i := range 3 {
				if addr == ln.Addr() {
					go echoOn(ln)
				}
				var resumed bool
				client.VerifyConnection = func(s tls.ConnectionState) error { resumed = s.DidResume; return nil }
				result := make(chan error, 1)
				require.NoError(t, fiber.Go(rt.Loops()[0], func(task *fiber.Task) {
					result <- exchange(task, addr, cfg, []byte("hello"))
				}))
				require.NoError(t, <-result)
				require.Equal(t, i > 0, resumed)
			}
		}
		deserted(t, rt)
	})
}

// TestClientALPN: a fiber that is the client speaks what the server prefers, or learns that there is nothing.
func TestClientALPN(t *testing.T) {
	everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
		rt := newRuntime(t)
		server := serverConfig()
		server.NextProtos = []string{"b", "a"}
		addr, results := handshakes(t, rt, &tlsfiber.Config{TLS: server, OnLoop: onLoop})
		for _, tc := range []struct{ offers, want string }{{"a", "a"}, {"c", ""}, {"", ""}} {
			client := clientConfig(version)
			if tc.offers != "" {
				client.NextProtos = []string{tc.offers}
			}
			var got string
			result := make(chan error, 1)
			require.NoError(t, fiber.Go(rt.Loops()[0], func(task *fiber.Task) {
				cfg := &tlsfiber.Config{TLS: client, OnLoop: onLoop}
				c, err := tlsfiber.Dial(context.Background(), task, "tcp", addr.String(), cfg)
				if err == nil {
					got = c.ConnectionState().NegotiatedProtocol
					c.Close()
				}
				result <- err
			}))
			if tc.offers == "c" {
				require.ErrorContains(t, <-result, "no application protocol")
				require.ErrorContains(t, <-results, "unsupported application protocols")
				continue
			}
			require.NoError(t, <-result)
			require.NoError(t, <-results)
			require.Equal(t, tc.want, got)
		}
		deserted(t, rt)
	})
}

func TestClientCertificates(t *testing.T) {
	stranger := newAuthority(t, "another")
	for name, tc := range map[string]struct {
		certs []tls.Certificate
		fails string
	}{
		"known":    {certs: []tls.Certificate{p256()}},
		"none":     {fails: "client didn't provide a certificate"},
		"stranger": {certs: []tls.Certificate{stranger.issue(t, "x", stranger.key)}, fails: "failed to verify certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
				rt := newRuntime(t)
				server := serverConfig()
				server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, ours().pool
				addr, results := handshakes(t, rt, &tlsfiber.Config{TLS: server, OnLoop: onLoop})
				client := clientConfig(version)
				// Whoever the server says it wants.
				client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					return &append(tc.certs, tls.Certificate{})[0], nil
				}
				c := dial(t, addr, client)
				_ = c.Handshake() // in TLS 1.3, the client does not know yet
				err := <-results
				if tc.fails == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, tc.fails)
				var op *net.OpError
				require.ErrorAs(t, err, &op)
				require.Equal(t, "handshake", op.Op)
				require.Equal(t, c.LocalAddr().String(), op.Addr.String())
				deserted(t, rt)
			})
		})
	}
}

// TestDeadlines: a read that timed out loses nothing; the handshake's own limit does
// not outlast it.
func TestDeadlines(t *testing.T) {
	everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
		rt := newRuntime(t)
		timedOut := make(chan struct{})
		cfg := &tlsfiber.Config{TLS: serverConfig(), OnLoop: onLoop}
		addr := serve(t, rt, cfg, func(c *tlsfiber.Conn) error {
			buf := make([]byte, 10)
			if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
				return err
			}
			_, err := c.Read(buf)
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				return fmt.Errorf("not late: %w", err)
			}
			close(timedOut)
			if err := c.SetDeadline(time.Time{}); err != nil {
				return err
			}
			return echo(c)
		})
		c := dial(t, addr, clientConfig(version))
		require.NoError(t, c.Handshake())
		<-timedOut
		speak(t, c, []byte("after the deadline"))
		require.NoError(t, c.Close())
		deserted(t, rt)
	})
}

// TestStdnet: crypto/tls over connections of package stdnet, as it is.
func TestStdnet(t *testing.T) {
	for _, version := range versions {
		rt := newRuntime(t)
		ln, err := stdnet.Listen(context.Background(), rt, "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		secure := tls.NewListener(ln, serverConfig(rsa2048()))
		go echoOn(secure)
		d := tls.Dialer{Config: clientConfig(version)}
		c, err := d.DialContext(context.Background(), "tcp", ln.Addr().String())
		require.NoError(t, err)
		speak(t, c, randomBytes(1<<20))
		require.NoError(t, c.Close())
		require.NoError(t, ln.Close())
		deserted(t, rt)
	}
}
