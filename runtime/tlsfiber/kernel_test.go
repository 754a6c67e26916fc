package tlsfiber_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
	"github.com/headrace/headrace/runtime/tlsfiber"
)

// kernelConfig is a server's that goes over to kernel TLS, where there is one. The
// guests of kernel tests say in KERNEL_MODULES whether there must be.
func kernelConfig(t *testing.T, onLoop bool) *tlsfiber.Config {
	t.Helper()
	cfg := &tlsfiber.Config{TLS: serverConfig(), OnLoop: onLoop}
	useKernel(t, cfg)
	return cfg
}

func useKernel(t *testing.T, cfg *tlsfiber.Config) {
	t.Helper()
	before := cfg.TLS
	err := cfg.UseKernelTLS()
	if err != nil {
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.Same(t, before, cfg.TLS)
		require.NotContains(t, strings.Fields(os.Getenv("KERNEL_MODULES")), "tls", err)
		t.Skip(err)
	}
}

// sealed tells an orderly end from the end of the connection below.
type sealed struct{ net.Conn }

var errUnsealed = errors.New("no close_notify")

func (s sealed) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if err == io.EOF {
		err = errUnsealed
	}
	return n, err
}

const kernelFile = 3<<20 + 12_345

// sendPlenty sends by the ways there are, before the kernel takes over and after.
func sendPlenty(c *tlsfiber.Conn, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := c.SendFile([]byte("small:"), f, 0, 1000); err != nil || c.KernelTLS() {
		return fmt.Errorf("a small file, kernel %v: %w", c.KernelTLS(), err)
	}
	n, err := c.SendFile([]byte("large:"), f, 0, -1)
	if err != nil || n != kernelFile {
		return fmt.Errorf("a large file, %d: %w", n, err)
	}
	if _, err := io.WriteString(c, "between:"); err != nil {
		return err
	}
	if _, err := c.SendFile([]byte("small again:"), f, 5, 10_000); err != nil {
		return err
	}
	if _, err := c.SendFile(nil, f, 5, 1_000_000); err != nil {
		return err
	}
	_, err = c.Write([]byte(":end"))
	return err
}

func plenty(data []byte) string {
	s := string(data)
	return "small:" + s[:1000] + "large:" + s + "between:" + "small again:" + s[5:10_005] + s[5:1_000_005] + ":end"
}

// TestKernelTLSServer: the client sees no difference, to the last record.
func TestKernelTLSServer(t *testing.T) {
	data := randomBytes(kernelFile)
	path := writeFile(t, data)
	for _, onLoop := range []bool{false, true} {
		for _, end := range []string{"return", "CloseWrite", "error"} {
			t.Run(fmt.Sprintf("%s, on loop %v", end, onLoop), func(t *testing.T) {
				rt := newRuntime(t)
				cfg := kernelConfig(t, onLoop)
				result := make(chan error, 1)
				addr := serve(t, rt, cfg, func(c *tlsfiber.Conn) error {
					err := sendPlenty(c, path)
					if err == nil && !c.KernelTLS() {
						err = errors.New("the kernel did not take over")
					}
					if err == nil {
						_, err = io.ReadFull(c, make([]byte, 100_000)) // the other way is crypto/tls's
					}
					if err == nil && end == "CloseWrite" {
						if err = c.CloseWrite(); err == nil {
							_, err = io.Copy(io.Discard, c)
						}
					}
					result <- err
					if end == "error" {
						return errors.New("as asked")
					}
					return err
				})
				c := tls.Client(sealed{connect(t, addr)}, clientConfig(tls.VersionTLS13))
				want := plenty(data)
				got := make([]byte, len(want))
				_, err := io.ReadFull(c, got)
				require.NoError(t, err)
				require.True(t, want == string(got))
				_, err = c.Write(make([]byte, 100_000))
				require.NoError(t, err)
				rest, err := io.ReadAll(c)
				if end == "error" {
					require.ErrorIs(t, err, errUnsealed)
				} else {
					require.NoError(t, err)
				}
				require.Empty(t, rest)
				require.NoError(t, c.Close())
				require.NoError(t, <-result)
				deserted(t, rt)
				require.Zero(t, tlsfiber.KeysKept(cfg))
			})
		}
	}
}

// TestKernelTLSClient: an upload.
func TestKernelTLSClient(t *testing.T) {
	data := randomBytes(kernelFile)
	path := writeFile(t, data)
	rt := newRuntime(t)
	cfg := &tlsfiber.Config{TLS: clientConfig(tls.VersionTLS13)}
	useKernel(t, cfg)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	result := make(chan error, 1)
	require.NoError(t, fiber.Go(rt.Loops()[0], func(task *fiber.Task) {
		c, err := tlsfiber.Dial(context.Background(), task, "tcp", ln.Addr().String(), cfg)
		if err == nil {
			err = sendPlenty(c, path)
			if !c.KernelTLS() {
				err = errors.Join(err, errors.New("the kernel did not take over"))
			}
			err = errors.Join(err, c.Close())
		}
		result <- err
	}))
	tcp, err := ln.Accept()
	require.NoError(t, err)
	defer tcp.Close()
	require.NoError(t, tcp.SetDeadline(time.Now().Add(watchdog)))
	got, err := io.ReadAll(tls.Server(sealed{tcp}, serverConfig()))
	require.NoError(t, err)
	require.True(t, plenty(data) == string(got))
	require.NoError(t, <-result)
	require.Zero(t, tlsfiber.KeysKept(cfg))
	deserted(t, rt)
}

// TestKernelTLSSlowPeer: close_notify is the last, however long it takes to get there.
func TestKernelTLSSlowPeer(t *testing.T) {
	data := randomBytes(kernelFile)
	path := writeFile(t, data)
	rt := newRuntime(t)
	addr := serve(t, rt, kernelConfig(t, true), func(c *tlsfiber.Conn) error { return sendPlenty(c, path) })
	c := tls.Client(sealed{connect(t, addr)}, clientConfig(tls.VersionTLS13))
	require.NoError(t, c.Handshake())
	quiet(t, rt)
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.True(t, plenty(data) == string(got))
	require.NoError(t, c.Close())
	deserted(t, rt)
}

// quiet waits until nothing more goes out.
func quiet(t *testing.T, rt *runtime.Runtime) {
	t.Helper()
	sent := uint64(0)
	require.Eventually(t, func() bool {
		was := sent
		sent = rt.Stats().Total().Engine.BytesOut
		return sent == was && sent > 0
	}, watchdog, 10*time.Millisecond)
}

// TestKernelTLSFileTooShort: found out when the kernel has taken over.
func TestKernelTLSFileTooShort(t *testing.T) {
	path := writeFile(t, randomBytes(1<<20))
	rt := newRuntime(t)
	result := make(chan error, 1)
	addr := serve(t, rt, kernelConfig(t, true), func(c *tlsfiber.Conn) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = c.SendFile(nil, f, 0, 2<<20)
		result <- err
		return err
	})
	_, err := io.ReadAll(tls.Client(sealed{connect(t, addr)}, clientConfig(tls.VersionTLS13)))
	require.Error(t, err)
	require.ErrorIs(t, <-result, io.ErrUnexpectedEOF)
	deserted(t, rt)
}

// TestKernelTLSGone: where the kernel has none after all, files go as ever.
func TestKernelTLSGone(t *testing.T) {
	data := randomBytes(kernelFile)
	path := writeFile(t, data)
	rt := newRuntime(t)
	cfg := &tlsfiber.Config{TLS: serverConfig()}
	tlsfiber.TryKernelTLS(cfg)
	addr := serve(t, rt, cfg, func(c *tlsfiber.Conn) error { return sendPlenty(c, path) })
	for _, version := range versions {
		c := tls.Client(sealed{connect(t, addr)}, clientConfig(version))
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.True(t, plenty(data) == string(got))
		require.NoError(t, c.Close())
	}
	deserted(t, rt)
	require.Zero(t, tlsfiber.KeysKept(cfg))
}

// TestKernelTLSForgets: handshakes that fail leave no keys behind.
func TestKernelTLSForgets(t *testing.T) {
	for _, onLoop := range []bool{false, true} {
		rt := newRuntime(t)
		cfg := &tlsfiber.Config{TLS: serverConfig(), OnLoop: onLoop}
		tlsfiber.TryKernelTLS(cfg)
		addr, results := handshakes(t, rt, cfg)
		c := connect(t, addr)
		_, err := c.Write(clientHello(t, tls.VersionTLS13)) // and never Finished
		require.NoError(t, err)
		_, err = io.ReadFull(c, make([]byte, 100))
		require.NoError(t, err)
		require.Equal(t, 1, tlsfiber.KeysKept(cfg))
		require.NoError(t, c.Close())
		require.Error(t, <-results)
		require.Zero(t, tlsfiber.KeysKept(cfg))
	}
}

// TestKernelTLSHelloInPieces: a client that cuts its first message up is served, and
// leaves no keys behind either.
func TestKernelTLSHelloInPieces(t *testing.T) {
	data := randomBytes(kernelFile)
	path := writeFile(t, data)
	rt := newRuntime(t)
	cfg := &tlsfiber.Config{TLS: serverConfig()}
	tlsfiber.TryKernelTLS(cfg)
	kept := make(chan int, 1)
	addr := serve(t, rt, cfg, func(c *tlsfiber.Conn) error {
		kept <- tlsfiber.KeysKept(cfg)
		return sendPlenty(c, path)
	})
	c := tls.Client(&pieces{Conn: sealed{connect(t, addr)}}, clientConfig(tls.VersionTLS13))
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.True(t, plenty(data) == string(got))
	require.Zero(t, <-kept)
	require.NoError(t, c.Close())
	deserted(t, rt)
}

// pieces makes two records of the first one.
type pieces struct {
	net.Conn
	done bool
}

func (p *pieces) Write(b []byte) (int, error) {
	if p.done {
		return p.Conn.Write(b)
	}
	p.done = true
	const head, first = 5, 20
	rest := len(b) - head - first
	cut := append(append([]byte{}, b[:3]...), 0, first)
	cut = append(cut, b[head:head+first]...)
	cut = append(cut, b[0], b[1], b[2], byte(rest>>8), byte(rest))
	cut = append(cut, b[head+first:]...)
	if _, err := p.Conn.Write(cut); err != nil {
		return 0, err
	}
	return len(b), nil
}
