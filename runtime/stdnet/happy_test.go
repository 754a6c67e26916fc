package stdnet_test

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/headrace/headrace/internal/testport"
)

// twoFamilies returns a resolver to which every name has addresses 127.0.0.1 and ::1, in this order or the other.
func twoFamilies(t *testing.T) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() { pc.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer := resolve(buf[:n]); answer != nil {
				_, _ = pc.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp4", pc.LocalAddr().String())
	}}
}

// resolve answers a question for addresses.
func resolve(query []byte) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil
	}
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}
	m.Additionals = nil
	q := m.Questions[0]
	head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}
	switch q.Type {
	case dnsmessage.TypeA:
		m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
	case dnsmessage.TypeAAAA:
		m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AAAAResource{AAAA: [16]byte{15: 1}}}}
	}
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}

// TestHappyEyeballsAsStd: a name of both families is dialed where somebody listens, whichever family that is.
func TestHappyEyeballsAsStd(t *testing.T) {
	if ln, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skip("no IPv6: ", err)
	} else {
		ln.Close()
	}
	resolver := twoFamilies(t)
	sameAsStd(t, func(t *testing.T, n opener, note func(string, ...any)) {
		for _, on := range []string{"127.0.0.1", "::1"} {
			port := strconv.Itoa(testport.Unused(t))
			ln, err := n.listen(net.ListenConfig{}, "tcp", net.JoinHostPort(on, port))
			require.NoError(t, err)
			to := net.JoinHostPort("both.test", port)
			for _, delay := range []time.Duration{0, -1, time.Millisecond} {
				d := &net.Dialer{Resolver: resolver, FallbackDelay: delay}
				_, client := exchange(t, n, ln, d, "tcp", to)
				note(on, familyOf(client.RemoteAddr()))
			}
			for _, network := range []string{"tcp4", "tcp6"} {
				c, err := n.dial(context.Background(), &net.Dialer{Resolver: resolver}, network, to)
				if err != nil {
					note(on+" "+network, plain(err))
					continue
				}
				note(on+" "+network, familyOf(c.RemoteAddr()))
				c.Close()
			}
			ln.Close()
			_, err = n.dial(context.Background(), &net.Dialer{Resolver: resolver}, "tcp", to)
			note("nobody", plain(err))
		}
	})
}
