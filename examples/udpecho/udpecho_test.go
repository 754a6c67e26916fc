package main

import (
	"fmt"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/apptest"
)

func TestMain(m *testing.M) { apptest.Main(m) }

func TestDatagrams(t *testing.T) {
	for mode := range modes {
		t.Run(mode, func(t *testing.T) {
			s := apptest.Start(t, "-addr", "127.0.0.1:0", "-mode", mode, "-large")
			addr, err := net.ResolveUDPAddr("udp", s.Addr)
			require.NoError(t, err)
			require.NoError(t, selfTest(addr))
			told := s.Stop()
			require.Contains(t, told, "served connections=0 ")
			require.Contains(t, told, "datagrams received=800 ")
			if mode == "stdnet" {
				require.Contains(t, told, "served connections=0 enters=", "what is not counted is not told")
				require.Contains(t, told, " received=800 sent=800 errors=0\n")
			}
		})
	}
}

func TestUnixSocket(t *testing.T) {
	name := filepath.Join(t.TempDir(), "echo")
	s := apptest.Start(t, "-addr", "unix:"+name, "-large")
	require.NoError(t, selfTest(&net.UnixAddr{Name: name, Net: "unixgram"}))
	require.Contains(t, s.Stop(), fmt.Sprintf("received=%d sent=%d ", 800, 800))
	require.NoFileExists(t, name)
}

func TestMistakes(t *testing.T) {
	apptest.CommonMistakes(t)
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"unknown mode": {[]string{"-mode", "thread"}, `unknown -mode "thread"`},
		"port in use":  {[]string{"-addr", taken.LocalAddr().String()}, "address already in use"},
		"no port":      {[]string{"-addr", "localhost"}, "missing port"},
		"no buffer":    {[]string{"-buffer", "-1"}, "-buffer is -1, and can not be negative"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, apptest.Fail(t, test.args...), test.says)
		})
	}
}

// TestReadme: it tells of all flags.
func TestReadme(t *testing.T) { apptest.Documented(t) }
