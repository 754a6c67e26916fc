package tlsfiber

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"math/big"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestExpandLabel: RFC 8448, 3, "derive write traffic keys for application data".
func TestExpandLabel(t *testing.T) {
	secret, err := hex.DecodeString("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643")
	require.NoError(t, err)
	key, err := expandLabel(sha256.New, secret, "key", 16)
	require.NoError(t, err)
	require.Equal(t, "9f02283b6c9c07efc26bb9f2ac92e356", hex.EncodeToString(key))
	iv, err := expandLabel(sha256.New, secret, "iv", 12)
	require.NoError(t, err)
	require.Equal(t, "cf782b88dd83549aadf1e984", hex.EncodeToString(iv))
}

// TestKernelParams: the keys and the record number that the kernel is given are
// those of the stream, whatever the suite, on a first and on a resumed connection.
func TestKernelParams(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl, whose client has a say in the cipher suite")
	}
	for _, suite := range []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_AES_256_GCM_SHA384} {
		for _, tickets := range []bool{true, false} {
			t.Run(tls.CipherSuiteName(suite), func(t *testing.T) {
				keys := newKeyLog(io.Discard)
				cfg := &tls.Config{
					Certificates: []tls.Certificate{selfSigned(t)}, KeyLogWriter: keys, SessionTicketsDisabled: !tickets,
				}
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				defer ln.Close()
				client := exec.Command(openssl, "s_client", "-connect", ln.Addr().String(), "-ciphersuites",
					tls.CipherSuiteName(suite))
				stdin, err := client.StdinPipe()
				require.NoError(t, err)
				require.NoError(t, client.Start())
				defer func() {
					stdin.Close()
					_ = client.Wait() // we end in the middle
				}()
				tcp, err := ln.Accept()
				require.NoError(t, err)
				defer tcp.Close()
				require.NoError(t, tcp.SetDeadline(time.Now().Add(time.Minute)))
				below := &counted{Conn: tcp, k: kernel{keys: keys}}
				c := tls.Server(below, cfg)
				require.NoError(t, c.Handshake())
				require.Equal(t, suite, c.ConnectionState().CipherSuite)
				require.NotZero(t, below.k.random)
				below.k.suite, below.k.secret = suite, keys.take(below.k.random).server
				require.Empty(t, keys.secrets)

				_, err = below.k.params()
				require.ErrorIs(t, err, errNotOurKeys, "nothing to prove it with")
				below.k.keep = true
				for n := range 3 {
					_, err = c.Write(make([]byte, 40_000))
					require.NoError(t, err)
					p, err := below.k.params()
					require.NoError(t, err)
					require.Equal(t, below.k.records+below.k.extra, p.seq)
					require.Equal(t, tickets, below.k.extra == 1)
					require.GreaterOrEqual(t, p.seq, uint64(n+1))
				}
				p, err := below.k.params()
				require.NoError(t, err)
				below.k.on = true
				require.NoError(t, c.CloseWrite())
				require.Equal(t, byte(21), below.typ)
				require.Equal(t, []byte{1, 0}, below.body) // close_notify
				require.Equal(t, p.seq+1, below.k.records+below.k.extra)
			})
		}
	}
}

// counted counts records as transport does.
type counted struct {
	net.Conn
	k    kernel
	in   []byte
	typ  byte
	body []byte
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.k.secret == nil {
		c.in = append(c.in, p[:n]...)
		c.k.hello(c.in)
	}
	return n, err
}

func (c *counted) Write(p []byte) (n int, err error) {
	if c.k.on {
		c.typ, c.body, err = c.k.open(p)
		return len(p), err
	}
	if c.k.secret != nil {
		c.k.wrote(p)
	}
	return c.Conn.Write(p)
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestKeyLog keeps what it needs, passes all on, and takes no line for another.
func TestKeyLog(t *testing.T) {
	var next bytes.Buffer
	k := newKeyLog(&next)
	random := strings.Repeat("07", randomLen)
	var name [randomLen]byte
	for i := range name {
		name[i] = 7
	}
	k.expect(name)
	lines := []string{
		"CLIENT_HANDSHAKE_TRAFFIC_SECRET " + random + " 00",
		"CLIENT_TRAFFIC_SECRET_0 " + random + " 01",
		"SERVER_TRAFFIC_SECRET_0 " + random + " 0203",
		"SERVER_TRAFFIC_SECRET_0 " + random[2:] + " 04",
		"SERVER_TRAFFIC_SECRET_0 " + strings.Repeat("08", randomLen) + " 04", // nobody's
		"SERVER_TRAFFIC_SECRET_0 " + strings.Repeat("0g", randomLen) + " 05",
		"SERVER_TRAFFIC_SECRET_0 " + random + " 0",
		"",
	}
	for _, line := range lines {
		n, err := k.Write([]byte(line + "\n"))
		require.NoError(t, err)
		require.Equal(t, len(line)+1, n)
	}
	require.Equal(t, strings.Join(lines, "\n")+"\n", next.String())
	k.expect(name) // by the other end
	require.Equal(t, sides{client: []byte{1}, server: []byte{2, 3}}, k.take(name))
	require.Empty(t, k.secrets)
	require.Equal(t, sides{}, k.take(name))
}
