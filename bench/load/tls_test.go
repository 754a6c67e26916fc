//go:build linux

package load

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHTTPS(t *testing.T) {
	const size = 300 << 10
	dir := t.TempDir()
	require.NoError(t, WriteFile(filepath.Join(dir, "file"), size))
	certFile, keyFile := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	require.NoError(t, WriteCertificate(certFile, keyFile))
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	require.NoError(t, err)
	srv := httptest.NewUnstartedServer(http.FileServer(http.Dir(dir)))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if !slices.Equal(hello.SupportedCurves, []tls.CurveID{tls.X25519}) {
				return nil, errors.New("not every server knows what is offered")
			}
			return nil, nil
		}}
	srv.StartTLS()
	defer srv.Close()
	for _, kind := range []string{TLSGet, TLSChurn} {
		spec := short(kind, srv.Listener.Addr().String())
		spec.Path, spec.Size, spec.Check = "/file", size, true
		r, err := Run(spec)
		require.NoError(t, err)
		require.Zero(t, r.Errors, r.Error)
		require.Positive(t, r.Ops)

		spec.Size++
		_, err = Run(spec)
		require.ErrorIs(t, err, ErrHTTP)
	}
}
