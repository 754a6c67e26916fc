package tlsfiber_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/tlsfiber"
)

func TestQuick(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		change func(cfg *tls.Config)
		want   bool
	}{
		"P-256":          {func(*tls.Config) {}, true},
		"Ed25519":        {func(cfg *tls.Config) { cfg.Certificates = []tls.Certificate{issued(ed, nil)} }, true},
		"one curve":      {func(cfg *tls.Config) { cfg.CurvePreferences = []tls.CurveID{tls.X25519} }, true},
		"RSA":            {func(cfg *tls.Config) { cfg.Certificates = append(cfg.Certificates, rsa2048()) }, false},
		"P-384":          {func(cfg *tls.Config) { cfg.Certificates = []tls.Certificate{issued(p384, nil)} }, false},
		"no certificate": {func(cfg *tls.Config) { cfg.Certificates = nil }, false},
		"any curve":      {func(cfg *tls.Config) { cfg.CurvePreferences = nil }, false},
		"a slow curve": {func(cfg *tls.Config) {
			cfg.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP521}
		}, false},
		"client certificates": {func(cfg *tls.Config) { cfg.ClientAuth = tls.RequestClientCert }, false},
		"a key elsewhere": {func(cfg *tls.Config) {
			cfg.Certificates = []tls.Certificate{{PrivateKey: &heldSigner{}}}
		}, false},
		"a callback": {func(cfg *tls.Config) {
			cfg.VerifyConnection = func(tls.ConnectionState) error { return nil }
		}, false},
	} {
		cfg := serverConfig()
		cfg.CurvePreferences = tlsfiber.QuickCurves()
		tc.change(cfg)
		require.Equal(t, tc.want, tlsfiber.Quick(cfg), name)
	}
}
