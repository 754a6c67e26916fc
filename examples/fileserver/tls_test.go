package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/apptest"
)

// certificate makes a certificate for 127.0.0.1, and returns its files and the pool
// of who trusts it.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return certificateOf(t, private)
}

// certificateOf is certificate with a key of any kind.
func certificateOf(t *testing.T, private crypto.Signer) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "server"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, private.Public(), private)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	write := func(name, kind string, der []byte) string {
		name = filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return name
	}
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", keyDER), pool
}

// startTLS starts the server with a certificate.
func startTLS(t *testing.T, dir string, more ...string) (s *apptest.Server, cert string, pool *x509.CertPool) {
	t.Helper()
	cert, key, pool := certificate(t)
	args := append([]string{"-addr", "127.0.0.1:0", "-root", dir, "-tls-cert", cert, "-tls-key", key}, more...)
	return apptest.Start(t, args...), cert, pool
}

// TestTLSDownloads: every size comes whole with both versions, and none of it stays
// in memory.
func TestTLSDownloads(t *testing.T) {
	const limit = 16 << 20
	dir := t.TempDir()
	s, _, pool := startTLS(t, dir, "-loops", "1")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{
			RootCAs: pool, MinVersion: version, MaxVersion: version, NextProtos: []string{"http/1.1"}}}
		client := http.Client{Timeout: watchdog, Transport: transport}
		var before int64
		for _, size := range []int64{1 << 20, 0, 1, 100, 4 << 10, 16 << 10, 64<<10 + 1, 32 << 20} {
			name := fmt.Sprintf("f%d.bin", size)
			want := bigFile(t, filepath.Join(dir, name), size)
			res, err := client.Get("https://" + s.Addr + "/" + name)
			require.NoError(t, err)
			h := sha256.New()
			n, err := io.Copy(h, res.Body)
			require.NoError(t, err)
			res.Body.Close()
			require.Equal(t, size, n)
			require.Equal(t, want, h.Sum(nil))
			require.Equal(t, "http/1.1", res.TLS.NegotiatedProtocol)
			if before == 0 {
				before = s.Memory()
			}
		}
		require.LessOrEqual(t, s.PeakMemory()-before, int64(limit))
		client.CloseIdleConnections()
	}
	s.Stop()
}

// TestTLSAnswers: ranges, conditions, folders, statistics, many requests a connection.
func TestTLSAnswers(t *testing.T) {
	dir := folderOf(t)
	s, _, pool := startTLS(t, dir)
	client := http.Client{Timeout: watchdog, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	for _, test := range []struct {
		target, byteRange string
		status            int
		body              string
	}{
		{"/hello.txt", "", 200, "hello, world\n"},
		{"/hello.txt", "bytes=7-11", 206, "world"},
		{"/hello.txt", "bytes=0-1,7-8", 206, ""},
		{"/hello.txt", "bytes=100-", 416, ""},
		{"/empty.css", "", 200, ""},
		{"/missing", "", 404, "not found\n"},
		{"/list/", "", 200, ""},
		{"/_stats?json", "", 200, ""},
	} {
		req, err := http.NewRequest(http.MethodGet, "https://"+s.Addr+test.target, nil)
		require.NoError(t, err)
		if test.byteRange != "" {
			req.Header.Set("Range", test.byteRange)
		}
		res, err := client.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, test.status, res.StatusCode, test.target)
		if test.body != "" {
			require.Equal(t, test.body, string(body))
		}
	}
	s.Stop()
}

// TestTLSCurl: another implementation of TLS, if it is there.
func TestTLSCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("no curl")
	}
	dir := t.TempDir()
	big := bigFile(t, filepath.Join(dir, "big.bin"), 5<<20+1)
	s, cert, _ := startTLS(t, dir)
	for _, version := range []string{"1.2", "1.3"} {
		cmd := exec.Command(curl, "-sS", "--fail", "--cacert", cert, "--tlsv"+version, "--tls-max", version,
			"https://"+s.Addr+"/big.bin")
		out, err := cmd.Output()
		require.NoError(t, err)
		got := sha256.Sum256(out)
		require.Equal(t, big, got[:], version)
	}
	s.Stop()
}

// TestTLSWrk: a load generator with OpenSSL sees no errors, if it is there.
func TestTLSWrk(t *testing.T) {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		t.Skip("no wrk")
	}
	s, _, _ := startTLS(t, folderOf(t))
	for _, header := range []string{"Connection: keep-alive", "Connection: close"} {
		out, err := exec.Command(wrk, "-t1", "-c8", "-d1s", "-H", header, "https://"+s.Addr+"/hello.txt").CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.NotContains(t, string(out), "Non-2xx", "%s", out)
		require.NotContains(t, string(out), "\n  0 requests", "%s", out)
		if header == "Connection: keep-alive" {
			require.NotContains(t, string(out), "Socket errors", "%s", out)
		}
	}
	s.Stop()
}

// TestTLSChromium: a browser shows the page, if it is there and can run.
func TestTLSChromium(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium")
	}
	s, _, _ := startTLS(t, folderOf(t))
	show := func(url string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), watchdog)
		defer cancel()
		cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
			"--no-proxy-server", "--ignore-certificate-errors", "--user-data-dir="+t.TempDir(), "--dump-dom", url)
		cmd.WaitDelay = time.Second
		out, err := cmd.Output()
		return string(out), err
	}
	if out, err := show("data:text/plain,runs"); err != nil || !strings.Contains(out, "runs") {
		t.Skip("chromium does not run here: ", err)
	}
	out, err := show("https://" + s.Addr + "/hello.txt")
	require.NoError(t, err)
	require.Contains(t, out, "hello, world")
	s.Stop()
}

// TestTLSBadPeers: they leave nothing behind, and nobody else waits for them.
func TestTLSBadPeers(t *testing.T) {
	dir := folderOf(t)
	s, _, pool := startTLS(t, dir, "-slow", "300ms", "-loops", "1")
	client := http.Client{Timeout: watchdog, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	get := func() {
		res, err := client.Get("https://" + s.Addr + "/hello.txt")
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, "hello, world\n", string(body))
	}
	get()
	before := s.Descriptors()
	for range 10 {
		for _, say := range []string{"", "\x16", "\x16\x03\x01\x02\x00\x01", "GET / HTTP/1.1\r\n\r\n", "\x00garbage"} {
			c, err := net.Dial("tcp", s.Addr)
			require.NoError(t, err)
			defer c.Close()
			_, err = io.WriteString(c, say)
			require.NoError(t, err)
		}
		get()
	}
	s.Settled(before)
	get()
	s.Stop()
}

// TestTLSSelfTest: -selftest with a certificate.
func TestTLSSelfTest(t *testing.T) {
	binary, err := apptest.Build()
	require.NoError(t, err)
	cert, key, _ := certificate(t)
	out, err := exec.Command(binary, "-addr", "127.0.0.1:0", "-root", folderOf(t), "-selftest",
		"-tls-cert", cert, "-tls-key", key).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestTLSFlags(t *testing.T) {
	cert, key, _ := certificate(t)
	require.Contains(t, apptest.Fail(t, "-tls-cert", cert), "go together")
	require.Contains(t, apptest.Fail(t, "-tls-key", key), "go together")
	require.Contains(t, apptest.Fail(t, "-tls-cert", cert, "-tls-key", cert), "private key")
	require.Contains(t, apptest.Fail(t, "-tls-cert", filepath.Join(t.TempDir(), "x"), "-tls-key", key), "no such file")
}

// TestTLSWithRSA: a key whose handshakes run off the loops.
func TestTLSWithRSA(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	cert, key, pool := certificateOf(t, private)
	dir := t.TempDir()
	want := bigFile(t, filepath.Join(dir, "f.bin"), 1<<20)
	s := apptest.Start(t, "-addr", "127.0.0.1:0", "-root", dir, "-tls-cert", cert, "-tls-key", key)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
			RootCAs: pool, MinVersion: version, MaxVersion: version}}
		client := http.Client{Timeout: watchdog, Transport: transport}
		for range 3 {
			res, err := client.Get("https://" + s.Addr + "/f.bin")
			require.NoError(t, err)
			got := sha256.New()
			_, err = io.Copy(got, res.Body)
			require.NoError(t, err)
			res.Body.Close()
			require.Equal(t, want, got.Sum(nil))
		}
	}
}
