package tlsfiber_test

import (
	"crypto"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/tlsfiber"
)

// heldSigner signs when it is let.
type heldSigner struct {
	crypto.Signer
	begun, let chan struct{}
}

func (s *heldSigner) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.begun <- struct{}{}
	<-s.let
	return s.Signer.Sign(rand, digest, opts)
}

// TestSigningDoesNotHoldTheLoop: the only loop serves others, and makes handshakes with them, while a key takes its
// time, however long.
func TestSigningDoesNotHoldTheLoop(t *testing.T) {
	for _, version := range versions {
		rt := newRuntime(t)
		addr := serve(t, rt, &tlsfiber.Config{TLS: serverConfig()}, echo)
		good := dial(t, addr, clientConfig(version))
		speak(t, good, []byte("before"))

		cert := p256()
		s := &heldSigner{cert.PrivateKey.(crypto.Signer), make(chan struct{}, 1), make(chan struct{})}
		cert.PrivateKey = s
		slow := dial(t, serve(t, rt, &tlsfiber.Config{TLS: serverConfig(cert)}, echo), clientConfig(version))
		shaken := make(chan error, 1)
		go func() { shaken <- slow.Handshake() }()
		<-s.begun
		for range 10 {
			speak(t, good, []byte("meanwhile"))
		}
		another := dial(t, addr, clientConfig(version)) // has its own handshake
		speak(t, another, []byte("meanwhile"))
		close(s.let)
		require.NoError(t, <-shaken)
		speak(t, slow, []byte("after"))
	}
}

// slowSigner is slow the first time, which is measured, and then signs when it is let.
type slowSigner struct {
	heldSigner
	slow sync.Once
}

func (s *slowSigner) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	first := false
	s.slow.Do(func() { first = true; time.Sleep(20 * time.Millisecond) })
	if first {
		return s.Signer.Sign(rand, digest, opts)
	}
	return s.heldSigner.Sign(rand, digest, opts)
}

// TestSlowKeyLeavesTheLoop: OnLoop holds until a handshake held its loop.
func TestSlowKeyLeavesTheLoop(t *testing.T) {
	for _, version := range versions {
		rt := newRuntime(t)
		good := dial(t, serve(t, rt, &tlsfiber.Config{TLS: serverConfig()}, echo), clientConfig(version))
		speak(t, good, []byte("before"))

		cert := p256()
		s := &slowSigner{heldSigner: heldSigner{cert.PrivateKey.(crypto.Signer), make(chan struct{}, 1), make(chan struct{})}}
		cert.PrivateKey = s
		addr := serve(t, rt, &tlsfiber.Config{TLS: serverConfig(cert), OnLoop: true}, echo)
		speak(t, dial(t, addr, clientConfig(version)), []byte("slow"))

		c := dial(t, addr, clientConfig(version))
		shaken := make(chan error, 1)
		go func() { shaken <- c.Handshake() }()
		<-s.begun
		speak(t, good, []byte("meanwhile"))
		close(s.let)
		require.NoError(t, <-shaken)
		speak(t, c, []byte("after"))
	}
}

// TestCallbacks run off the loop, where they may block but not use the connection. A
// panic in one is the connection's.
func TestCallbacks(t *testing.T) {
	rt, err := runtime.New(&runtime.Config{Loops: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, rt.Close()) }()
	type seen struct{ remote, refused string }
	calls := make(chan seen, 1)
	server := serverConfig()
	server.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName == "panics.example" {
			panic("as asked")
		}
		// Not possible on the loop's own goroutine.
		if err := rt.Loops()[0].Call(func() {}); err != nil {
			return nil, err
		}
		calls <- seen{hello.Conn.RemoteAddr().String(), hello.Conn.Close().Error()}
		return nil, nil
	}
	addr := serve(t, rt, &tlsfiber.Config{TLS: server}, echo)
	for _, version := range versions {
		c := dial(t, addr, clientConfig(version))
		speak(t, c, []byte("hello"))
		require.Equal(t, seen{c.LocalAddr().String(),
			"tlsfiber: a connection in its handshake is not a callback's to handle"}, <-calls)

		client := clientConfig(version)
		client.ServerName = "panics.example"
		require.Error(t, dial(t, addr, client).Handshake())
		speak(t, c, []byte("still there"))
		require.NoError(t, c.Close())
	}
	deserted(t, rt)
	require.EqualValues(t, len(versions), rt.Stats().Total().Panics)
}

// TestCallbacksTakeTurns: handshakes with callbacks leave processors to others, unless they wait.
func TestCallbacksTakeTurns(t *testing.T) {
	shake := func(addr net.Addr, n int) <-chan error {
		results := make(chan error, n)
		for range n {
			c := dial(t, addr, clientConfig(tls.VersionTLS13))
			go func() { results <- c.Handshake() }()
		}
		return results
	}
	t.Run("bounded", func(t *testing.T) {
		rt := newRuntime(t)
		bound := tlsfiber.SetLease(rt, time.Hour)
		var now, most atomic.Int32
		server := serverConfig()
		server.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			n := now.Add(1)
			defer now.Add(-1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			time.Sleep(10 * time.Millisecond)
			return nil, nil
		}
		n := 5 * bound
		results := shake(serve(t, rt, &tlsfiber.Config{TLS: server}, echo), n)
		for range n {
			require.NoError(t, <-results)
		}
		require.LessOrEqual(t, int(most.Load()), bound)
	})
	t.Run("all wait for the last", func(t *testing.T) {
		rt := newRuntime(t)
		n := 3 * tlsfiber.SetLease(rt, time.Millisecond)
		var here sync.WaitGroup
		here.Add(n)
		server := serverConfig()
		server.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			here.Done()
			here.Wait()
			return nil, nil
		}
		results := shake(serve(t, rt, &tlsfiber.Config{TLS: server}, echo), n)
		for range n {
			require.NoError(t, <-results)
		}
	})
}
