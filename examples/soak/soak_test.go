package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/examples/internal/app"
	"github.com/headrace/headrace/examples/internal/apptest"
)

func TestMain(m *testing.M) { apptest.Main(m) }

// TestSoak is a short run of everything.
func TestSoak(t *testing.T) {
	o := &options{
		duration: 3 * time.Second, clients: 64, backend: "auto", loops: 2, out: t.TempDir(), seed: 1,
		maxStall: time.Second, // others run, too
	}
	require.NoError(t, o.validate())
	require.NoError(t, soak(context.Background(), o, t.TempDir()))
	for _, name := range []string{"soak.csv", "soak.svg"} {
		text, err := os.ReadFile(filepath.Join(o.out, name))
		require.NoError(t, err)
		require.Contains(t, string(text), "echo fiber")
		if name == "soak.svg" {
			requireXML(t, string(text))
		}
	}
}

func requireXML(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else {
			require.NoError(t, err)
		}
	}
}

func TestFlat(t *testing.T) {
	for name, test := range map[string]struct {
		curve func(i int) float64
		flat  bool
	}{
		"level":            {func(int) float64 { return 100 }, true},
		"noise":            {func(i int) float64 { return 100 + float64(i%7) }, true},
		"up at the start":  {func(i int) float64 { return min(10*float64(i), 200) }, true},
		"grows":            {func(i int) float64 { return 20 + float64(i) }, false},
		"one high sample":  {func(i int) float64 { return map[bool]float64{i == 95: 1000}[true] + 50 }, true},
		"doubles at last":  {func(i int) float64 { return 50 + 50*float64(i/70) }, false},
		"a quarter more":   {func(i int) float64 { return 100 + 25*float64(i/70) }, false},
		"wide noise":       {func(i int) float64 { return 100 + 20*float64(i*7%5) + float64(i)/10 }, true},
		"a little of less": {func(i int) float64 { return 10 + float64(i)/20 }, true},
	} {
		var curve []float64
		for i := range 100 {
			curve = append(curve, test.curve(i))
		}
		_, _, flat := isFlat(curve)
		require.Equal(t, test.flat, flat, name)
	}
}

// TestGrew: what is left over is told.
func TestGrew(t *testing.T) {
	r := &record{fleet: &fleet{all: []*server{{name: "a"}, {name: "b"}}}}
	baseline := moment{all: make([]sample, 2)}
	after := moment{at: time.Second, all: make([]sample, 2)}
	r.moments = []moment{baseline, after}
	require.NoError(t, r.grew(baseline))
	after.all[1][timers] = 1
	require.ErrorContains(t, r.grew(baseline), "b: timers: 0 before the load, 1 after it")
}

// TestGrewInTime: memory that grows is told of a run that was long enough to judge it.
func TestGrewInTime(t *testing.T) {
	for seconds, told := range map[int]bool{3: false, 60: true} {
		r := &record{fleet: &fleet{all: []*server{{name: "a"}}}}
		for i := range 100 {
			m := moment{at: time.Duration(i*seconds) * time.Second / 99, all: make([]sample, 1)}
			m.all[0][rss] = float64(20 + i)
			r.moments = append(r.moments, m)
		}
		if err := r.grew(r.moments[0]); told {
			require.ErrorContains(t, err, "a: RSS MiB")
		} else {
			require.NoError(t, err)
		}
	}
}

// TestStalled: a callback that held its loop is told with its stack; a turn that waited
// for a CPU, or for the collector, is not.
func TestStalled(t *testing.T) {
	const ms = time.Millisecond
	s := &server{name: "a", stalls: []app.Stall{
		{Held: 90 * ms, Waited: 45 * ms, Stack: "waited"}, {Held: 60 * ms, GC: 20 * ms, Stack: "collected"},
	}}
	r := &record{fleet: &fleet{all: []*server{s}}}
	require.NoError(t, r.stalled(50*ms))
	require.Contains(t, r.longest(), "a: longest in callbacks: 45ms, in a turn of 90ms")
	s.stalls = append(s.stalls, app.Stall{Held: 70 * ms, Waited: 10 * ms, Stack: "goroutine 7 [running]"})
	err := r.stalled(50 * ms)
	require.ErrorContains(t, err, "a: callbacks held loop 0 for 60ms")
	require.ErrorContains(t, err, "goroutine 7 [running]")
	require.NotContains(t, err.Error(), "waited\n")
}

// TestDatagramsOfOthers: an answer that was never asked for is wrong.
func TestDatagramsOfOthers(t *testing.T) {
	peer, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer peer.Close()
	conn, err := net.Dial("udp", peer.LocalAddr().String())
	require.NoError(t, err)
	defer conn.Close()
	c := &client{load: &load{}, stream: 3}
	sizes := []int{100, 200}
	for name, test := range map[string]struct {
		sent  []byte
		right bool
	}{
		"right":     {c.datagram(0, 100), true},
		"cut":       {c.datagram(0, 99), false},
		"short":     {[]byte("x"), false},
		"not yet":   {c.datagram(1, 200), false},
		"other's":   {(&client{stream: 4}).datagram(0, 100), false},
		"right too": {c.datagram(0, 100), true},
	} {
		_, err := peer.WriteTo(test.sent, conn.LocalAddr())
		require.NoError(t, err)
		if _, err = c.answer("echo", conn, 0, sizes); test.right {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, errWrong, name)
		}
	}
}

// TestForeignByte: a wrong byte is found, wherever it is.
func TestForeignByte(t *testing.T) {
	c := &client{load: &load{}}
	p, scratch := make([]byte, 100), make([]byte, 100)
	pattern(3, 1001, p)
	require.NoError(t, c.check(3, 1001, p, scratch))
	p[57]++
	require.ErrorIs(t, c.check(3, 1001, p, scratch), errWrong)
}

func TestMistakes(t *testing.T) {
	for want, args := range map[string][]string{
		`unexpected argument "1m"`:               {"1m"},
		"-every is -1s, and can not be negative": {"-every", "-1s"},
		"-duration and -every are to be":         {"-duration", "0"},
	} {
		require.Contains(t, apptest.Fail(t, args...), want)
	}
}

func TestOptions(t *testing.T) {
	good := options{duration: time.Second, clients: 1, loops: 1, maxStall: time.Second}
	require.NoError(t, good.validate())
	for _, spoil := range []func(o *options){
		func(o *options) { o.duration = 0 }, func(o *options) { o.clients = 0 }, func(o *options) { o.loops = 0 },
		func(o *options) { o.every = time.Minute }, func(o *options) { o.maxStall = 0 },
	} {
		o := good
		spoil(&o)
		require.Error(t, o.validate())
	}
}

// TestReadme: it tells of all flags.
func TestReadme(t *testing.T) { apptest.Documented(t) }
