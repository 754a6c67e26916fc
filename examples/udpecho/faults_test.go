package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/apptest"
)

// TestUnderFaults: an engine that misbehaves may lose datagrams, as a network does. Those
// that come back are what was sent, and come once; and the server goes on.
func TestUnderFaults(t *testing.T) {
	apptest.UnderFaults(t)
	for mode := range modes {
		t.Run(mode, func(t *testing.T) {
			s := apptest.Start(t, "-addr", "127.0.0.1:0", "-mode", mode, "-large")
			conn, err := net.Dial("udp", s.Addr)
			require.NoError(t, err)
			defer conn.Close()
			lost := mostComeBack(t, conn)
			t.Logf("%d lost or late; %s", lost, s.Stop())
		})
	}
}

// mostComeBack sends datagrams, each once, until plenty have come back. How long it
// waits for each changes only how many are on their way at a time.
func mostComeBack(t *testing.T, conn net.Conn) (lost int) {
	t.Helper()
	const plenty = 300
	came, buf := make(map[uint32]bool), make([]byte, longest)
	end := time.Now().Add(time.Minute)
	sent := uint32(0)
	for len(came) < plenty {
		require.True(t, time.Now().Before(end), "%d of %d came back", len(came), sent)
		_, err := conn.Write(numbered(sent))
		require.NoError(t, err)
		sent++
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
		for !came[sent-1] {
			n, err := conn.Read(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			require.NoError(t, err)
			require.GreaterOrEqual(t, n, 4)
			i := binary.BigEndian.Uint32(buf)
			require.Less(t, i, sent)
			require.True(t, bytes.Equal(numbered(i), buf[:n]), "datagram %d has other bytes", i)
			require.False(t, came[i], "datagram %d came twice", i)
			came[i] = true
		}
	}
	return int(sent) - len(came)
}

// numbered is a datagram with a number, a length and bytes of its own.
func numbered(i uint32) []byte {
	return append(binary.BigEndian.AppendUint32(nil, i), bytes.Repeat([]byte{byte(i)}, int(i*i%20_000))...)
}
