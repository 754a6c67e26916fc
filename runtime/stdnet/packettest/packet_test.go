package packettest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/stdnet"
)

const watchdog = 2 * time.Minute // bounds every wait; nothing is decided by it

// eachMode runs f with a socket in each place it can be in. HEADRACE_BACKEND chooses
// the engine.
func eachMode(t *testing.T, f func(t *testing.T, listen func() net.PacketConn)) {
	for _, mode := range []stdnet.Mode{stdnet.Loop, stdnet.Poller} {
		t.Run(mode.String(), func(t *testing.T) {
			rt, err := runtime.New(nil)
			require.NoError(t, err)
			defer func() { require.NoError(t, rt.Close()) }()
			f(t, func() net.PacketConn {
				lc := stdnet.ListenConfig{Runtime: rt, Mode: mode}
				c, err := lc.ListenPacket(context.Background(), "udp", "127.0.0.1:0")
				require.NoError(t, err)
				return c
			})
		})
	}
}

func certificate(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestQUIC: a quic-go server and client, each on a socket of ours, send streams to
// and fro.
func TestQUIC(t *testing.T) {
	const proto = "echo"
	cert := certificate(t)
	eachMode(t, func(t *testing.T, listen func() net.PacketConn) {
		ctx, cancel := context.WithTimeout(context.Background(), watchdog)
		defer cancel()
		pc := listen()
		server := &quic.Transport{Conn: pc}
		ln, err := server.Listen(&tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{proto}}, nil)
		require.NoError(t, err)
		var serving sync.WaitGroup
		serving.Go(func() { serveQUIC(ctx, ln) })

		roots := x509.NewCertPool()
		leaf, err := x509.ParseCertificate(cert.Certificate[0])
		require.NoError(t, err)
		roots.AddCert(leaf)
		own := listen()
		client := &quic.Transport{Conn: own}
		conn, err := client.Dial(ctx, pc.LocalAddr(), &tls.Config{RootCAs: roots, ServerName: "127.0.0.1",
			NextProtos: []string{proto}}, nil)
		require.NoError(t, err)
		var wg sync.WaitGroup
		errs := make(chan error, 10)
		for i := range cap(errs) {
			wg.Go(func() { errs <- stream(ctx, conn, 1+i*i*i*2000) })
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		require.NoError(t, conn.CloseWithError(0, ""))
		require.NoError(t, client.Close())
		require.NoError(t, ln.Close())
		require.NoError(t, server.Close())
		serving.Wait()
		own.Close()
		pc.Close()
	})
}

func serveQUIC(ctx context.Context, ln *quic.Listener) {
	for {
		conn, err := ln.Accept(ctx)
		if err != nil {
			return
		}
		go func() {
			for {
				s, err := conn.AcceptStream(ctx)
				if err != nil {
					return
				}
				go func() {
					_, _ = io.Copy(s, s)
					s.Close()
				}()
			}
		}()
	}
}

func stream(ctx context.Context, conn *quic.Conn, size int) error {
	s, err := conn.OpenStreamSync(ctx)
	if err != nil {
		return err
	}
	sent := make([]byte, size)
	_, _ = rand.Read(sent)
	wrote := make(chan error, 1)
	go func() {
		_, err := s.Write(sent)
		if err == nil {
			err = s.Close()
		}
		wrote <- err
	}()
	h := sha256.New()
	n, err := io.Copy(h, s)
	if err != nil {
		return err
	}
	if err := <-wrote; err != nil {
		return err
	}
	if want := sha256.Sum256(sent); n != int64(size) || string(h.Sum(nil)) != string(want[:]) {
		return fmt.Errorf("%d bytes came back of %d, or other ones", n, size)
	}
	return nil
}

// TestDNS: a miekg/dns server answers its own client, and package net's resolver.
func TestDNS(t *testing.T) {
	eachMode(t, func(t *testing.T, listen func() net.PacketConn) {
		pc := listen()
		started := make(chan struct{})
		mux := dns.NewServeMux()
		mux.HandleFunc(".", answer)
		server := &dns.Server{PacketConn: pc, Handler: mux, NotifyStartedFunc: func() { close(started) }}
		served := make(chan error, 1)
		go func() { served <- server.ActivateAndServe() }()
		<-started
		addr := pc.LocalAddr().String()

		var wg sync.WaitGroup
		errs := make(chan error, 20)
		for i := range cap(errs) {
			wg.Go(func() { errs <- ask(addr, i) })
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "udp", addr)
		}}
		ctx, cancel := context.WithTimeout(context.Background(), watchdog)
		defer cancel()
		ips, err := resolver.LookupIP(ctx, "ip4", "host7.example.")
		require.NoError(t, err)
		require.Equal(t, "192.0.2.7", ips[0].String())
		require.NoError(t, server.Shutdown())
		require.NoError(t, <-served)
	})
}

func answer(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(q)
	var n int
	name := q.Question[0].Name
	if _, err := fmt.Sscanf(name, "host%d.example.", &n); err == nil && q.Question[0].Qtype == dns.TypeA {
		m.Answer = append(m.Answer, &dns.A{A: net.IPv4(192, 0, 2, byte(n)),
			Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}})
	}
	_ = w.WriteMsg(m)
}

func ask(addr string, host int) error {
	c := dns.Client{Timeout: watchdog}
	for k := range 20 {
		n := (host*20 + k) % 250
		m := new(dns.Msg)
		m.SetQuestion(fmt.Sprintf("host%d.example.", n), dns.TypeA)
		r, _, err := c.Exchange(m, addr)
		if err != nil {
			return err
		}
		want := fmt.Sprintf("192.0.2.%d", n)
		if len(r.Answer) != 1 || r.Answer[0].(*dns.A).A.String() != want {
			return fmt.Errorf("answer %v, want %s", r.Answer, want)
		}
	}
	return nil
}
