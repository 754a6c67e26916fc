package runtime_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver/faults"
)

// TestPacketsUnderFaults: datagrams may be lost and receiving may end at any time, and
// who asks again is answered in the end, with the bytes of one datagram.
func TestPacketsUnderFaults(t *testing.T) {
	cfg := faults.All(faults.Seed(t.Logf))
	cfg.Counts = &faults.Counts{}
	cfg.Fail = func(err error) { t.Error(err) }
	cfg.Percent[faults.LostDatagram], cfg.Percent[faults.NoBuffers] = 10, 10
	rt := newRuntime(t, &runtime.Config{Loops: 1, WrapEngine: cfg.WrapEngine})
	addr := listenPacket(t, rt, nil, "udp", packetEcho).Addr()
	conn, err := net.Dial("udp", addr.String())
	require.NoError(t, err)
	defer conn.Close()
	wanted := []faults.Kind{faults.LostDatagram, faults.NoBuffers, faults.EarlyEnd, faults.Delay}
	met := func() bool {
		for _, k := range wanted {
			if cfg.Counts.Of(k) == 0 {
				return false
			}
		}
		return true
	}
	const fewest = 100
	for i, end := 0, time.Now().Add(watchdog); i < fewest || !met(); i++ {
		require.True(t, time.Now().Before(end), "in %d datagrams: %v", i, cfg.Counts)
		askAgain(t, conn, uint32(i), end)
	}
	t.Log(cfg.Counts)
}

// askAgain sends datagram i until it comes back.
func askAgain(t *testing.T, conn net.Conn, i uint32, end time.Time) {
	t.Helper()
	buf := make([]byte, 2000)
	for wait := 2 * time.Millisecond; ; wait *= 2 {
		require.True(t, time.Now().Before(end), "datagram %d does not come back", i)
		_, err := conn.Write(numbered(i))
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(wait)))
		for {
			n, err := conn.Read(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			require.NoError(t, err)
			require.GreaterOrEqual(t, n, 4)
			got := binary.BigEndian.Uint32(buf)
			require.LessOrEqual(t, got, i)
			require.Equal(t, numbered(got), buf[:n])
			if got == i {
				return
			}
		}
	}
}

// numbered is a datagram with a number, a length and bytes of its own.
func numbered(i uint32) []byte {
	return append(binary.BigEndian.AppendUint32(nil, i), bytes.Repeat([]byte{byte(i)}, int(i*37%1400))...)
}
