package tlsfiber_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
	"github.com/headrace/headrace/runtime/tlsfiber"
)

// watchdog bounds every wait of a test; nothing is decided by it.
const watchdog = 60 * time.Second

// authority signs certificates for 127.0.0.1.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	pool *x509.CertPool
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := template(name)
	tmpl.IsCA, tmpl.KeyUsage = true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &authority{cert, key, pool}
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

func (a *authority) issue(t testing.TB, name string, key crypto.Signer) tls.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template(name), a.cert, key.Public(), a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// The test's own authority, and a certificate of it for each kind of key.
var (
	ours = sync.OnceValue(func() *authority { return newAuthority(&testing.T{}, "ours") })
	p256 = sync.OnceValue(func() tls.Certificate {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		return issued(key, err)
	})
	rsa2048 = sync.OnceValue(func() tls.Certificate {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		return issued(key, err)
	})
)

func issued(key crypto.Signer, err error) tls.Certificate {
	if err != nil {
		panic(err)
	}
	return ours().issue(&testing.T{}, "server", key)
}

// serverConfig is a server's with the given certificates, else the ECDSA one.
func serverConfig(certs ...tls.Certificate) *tls.Config {
	if len(certs) == 0 {
		certs = []tls.Certificate{p256()}
	}
	return &tls.Config{Certificates: certs}
}

// clientConfig trusts the test's authority and speaks one version.
func clientConfig(version uint16) *tls.Config {
	return &tls.Config{RootCAs: ours().pool, MinVersion: version, MaxVersion: version, ServerName: "127.0.0.1"}
}

var versions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

// everyWay runs a test with both versions, and the handshake on the loop and off it.
func everyWay(t *testing.T, test func(t *testing.T, version uint16, onLoop bool)) {
	for _, version := range versions {
		for _, onLoop := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, on loop %v", tls.VersionName(version), onLoop), func(t *testing.T) {
				test(t, version, onLoop)
			})
		}
	}
}

// newRuntime has one loop: who holds it holds everybody.
func newRuntime(t *testing.T) *runtime.Runtime {
	t.Helper()
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close()) })
	return rt
}

func listen(t *testing.T, rt *runtime.Runtime, accept runtime.AcceptFunc) net.Addr {
	t.Helper()
	ln, err := rt.Listen(context.Background(), "tcp", "127.0.0.1:0", accept)
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	return ln.Addr()
}

func serve(t *testing.T, rt *runtime.Runtime, cfg *tlsfiber.Config, f func(c *tlsfiber.Conn) error) net.Addr {
	t.Helper()
	return listen(t, rt, tlsfiber.Serve(cfg, f))
}

// handshakes serves nothing: what each handshake gave is sent to the channel.
func handshakes(t *testing.T, rt *runtime.Runtime, cfg *tlsfiber.Config) (net.Addr, <-chan error) {
	t.Helper()
	results := make(chan error, 10)
	return listen(t, rt, fiber.Serve(func(fc *fiber.Conn) error {
		err := tlsfiber.Server(fc, cfg).Handshake()
		results <- err
		return err
	})), results
}

func echo(c *tlsfiber.Conn) error {
	buf := make([]byte, 3000)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return err
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return err
		}
	}
}

// connect is a plain connection to addr.
func connect(t *testing.T, addr net.Addr) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Now().Add(watchdog)))
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// dial is a client of crypto/tls over a connection of package net.
func dial(t *testing.T, addr net.Addr, cfg *tls.Config) *tls.Conn {
	t.Helper()
	return tls.Client(connect(t, addr), cfg)
}

// speak sends data and expects it back.
func speak(t *testing.T, c io.ReadWriter, data []byte) {
	t.Helper()
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(data)
		sent <- err
	}()
	got := make([]byte, len(data))
	_, err := io.ReadFull(c, got)
	require.NoError(t, err)
	require.NoError(t, <-sent)
	require.True(t, string(data) == string(got))
}

// deserted waits until the server's connections have ended.
func deserted(t *testing.T, rt *runtime.Runtime) {
	t.Helper()
	require.Eventually(t, func() bool { return rt.Stats().Total().Conns == 0 }, watchdog, time.Millisecond)
}

func randomBytes(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.Read(p)
	return p
}
