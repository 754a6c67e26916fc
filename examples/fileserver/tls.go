package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
	"github.com/headrace/headrace/runtime/tlsfiber"
)

// loadTLS reads certificate and key; no files mean no TLS.
func loadTLS(certFile, keyFile string) (*tls.Config, error) {
	if certFile == "" && keyFile == "" {
		return nil, nil
	}
	if certFile == "" || keyFile == "" {
		return nil, errors.New("-tls-cert and -tls-key go together")
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates:     []tls.Certificate{cert},
		NextProtos:       []string{"http/1.1"},
		CurvePreferences: tlsfiber.QuickCurves(),
	}, nil
}

// secured is TLS as the server wants it, or nil.
func (s *server) secured(secure *tls.Config, inKernel bool) *tlsfiber.Config {
	if secure == nil {
		return nil
	}
	cfg := &tlsfiber.Config{TLS: secure, HandshakeTimeout: s.slow, OnLoop: tlsfiber.Quick(secure)}
	if s.slow == 0 {
		cfg.HandshakeTimeout = -1 // whose zero is not for ever
	}
	if inKernel {
		if err := cfg.UseKernelTLS(); err != nil {
			slog.Debug("files are encrypted by the program", "reason", err)
		}
	}
	return cfg
}

// accept runs serve for each connection, over TLS if there is a configuration of it.
func (s *server) accept(secure *tlsfiber.Config) runtime.AcceptFunc {
	if secure == nil {
		return fiber.Serve(func(c *fiber.Conn) error { return s.serve(plain{c}) })
	}
	return tlsfiber.Serve(secure, func(c *tlsfiber.Conn) error { return s.serve(c) })
}

// selfTestClient is a client that wants to see the server's certificate, whoever
// that was made out to.
func selfTestClient(secure *tls.Config) *http.Client {
	transport := &http.Transport{}
	if secure != nil {
		leaf := secure.Certificates[0].Certificate[0]
		transport.TLSClientConfig = &tls.Config{
			InsecureSkipVerify: true,
			VerifyConnection: func(state tls.ConnectionState) error {
				if !bytes.Equal(state.PeerCertificates[0].Raw, leaf) {
					return errors.New("another server's certificate")
				}
				return nil
			},
		}
	}
	return &http.Client{Timeout: time.Minute, Transport: transport}
}
