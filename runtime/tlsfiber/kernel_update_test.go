package tlsfiber_test

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/tlsfiber"
)

const (
	handshakeType, dataType = 22, 23

	// A KeyUpdate that asks for one in return (RFC 8446, 4.6.3).
	keyUpdate = "\x18\x00\x00\x01\x01"
)

// sendLarge is large enough for the kernel.
func sendLarge(c *tlsfiber.Conn, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = c.SendFile(nil, f, 0, -1)
	return err
}

// TestKernelTLSKeyUpdateBefore: a connection whose keys have changed stays with crypto/tls.
func TestKernelTLSKeyUpdateBefore(t *testing.T) {
	data := randomBytes(1 << 20)
	path := writeFile(t, data)
	rt := newRuntime(t)
	cfg := &tlsfiber.Config{TLS: serverConfig()}
	tlsfiber.TryKernelTLS(cfg)
	addr := serve(t, rt, cfg, func(c *tlsfiber.Conn) error {
		if _, err := io.ReadFull(c, make([]byte, 2)); err != nil {
			return err
		}
		if err := sendLarge(c, path); err != nil || c.KernelTLS() {
			return errors.Join(err, errors.New("the kernel has old keys"))
		}
		return nil
	})
	client := clientConfig(tls.VersionTLS13)
	keys := tlsfiber.NewClientKeys(client)
	tcp := connect(t, addr)
	c := tls.Client(sealed{tcp}, client)
	require.NoError(t, c.Handshake())
	_, err := tcp.Write(keys.Seal(handshakeType, []byte(keyUpdate)))
	require.NoError(t, err)
	keys.Update()
	_, err = tcp.Write(keys.Seal(dataType, []byte("go")))
	require.NoError(t, err)
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.True(t, string(data) == string(got))
	require.NoError(t, tcp.Close())
	deserted(t, rt)
}

// TestKernelTLSKeyUpdate: new keys are more than the kernel can do, and the
// connection says so.
func TestKernelTLSKeyUpdate(t *testing.T) {
	data := randomBytes(1 << 20)
	path := writeFile(t, data)
	rt := newRuntime(t)
	result := make(chan error, 1)
	addr := serve(t, rt, kernelConfig(t, false), func(c *tlsfiber.Conn) error {
		if err := sendLarge(c, path); err != nil {
			return err
		}
		_, err := io.ReadFull(c, make([]byte, 2))
		if err == nil {
			_, err = c.Write([]byte("with which keys?"))
		}
		result <- err
		return err
	})
	client := clientConfig(tls.VersionTLS13)
	keys := tlsfiber.NewClientKeys(client)
	tcp := connect(t, addr)
	c := tls.Client(sealed{tcp}, client)
	got := make([]byte, len(data))
	_, err := io.ReadFull(c, got)
	require.NoError(t, err)
	require.True(t, string(data) == string(got))
	_, err = tcp.Write(keys.Seal(handshakeType, []byte(keyUpdate)))
	require.NoError(t, err)
	keys.Update()
	_, err = tcp.Write(keys.Seal(dataType, []byte("go")))
	require.NoError(t, err)
	require.ErrorContains(t, <-result, "asked for new keys")
	_, err = c.Read(got)
	require.ErrorIs(t, err, errUnsealed)
	deserted(t, rt)
}

// TestKernelTLSAlert: what is wrong with the peer's records, it is told by a record
// of the kernel's.
func TestKernelTLSAlert(t *testing.T) {
	data := randomBytes(1 << 20)
	path := writeFile(t, data)
	rt := newRuntime(t)
	addr := serve(t, rt, kernelConfig(t, false), func(c *tlsfiber.Conn) error {
		if err := sendLarge(c, path); err != nil {
			return err
		}
		_, err := c.Read(make([]byte, 1))
		return err
	})
	tcp := connect(t, addr)
	c := tls.Client(tcp, clientConfig(tls.VersionTLS13))
	_, err := io.ReadFull(c, make([]byte, len(data)))
	require.NoError(t, err)
	_, err = tcp.Write(append([]byte{23, 3, 3, 0, 40}, make([]byte, 40)...))
	require.NoError(t, err)
	_, err = io.ReadAll(c)
	require.ErrorContains(t, err, "remote error: tls: bad record MAC")
	deserted(t, rt)
}
