package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSoak is a short run of everything.
func TestSoak(t *testing.T) {
	o := &options{
		duration: 3 * time.Second, clients: 64, backend: "auto", loops: 2, out: t.TempDir(), seed: 1,
		stall: time.Second,
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

// TestForeignByte: a wrong byte is found, wherever it is.
func TestForeignByte(t *testing.T) {
	c := &client{load: &load{}}
	p, scratch := make([]byte, 100), make([]byte, 100)
	pattern(3, 1001, p)
	require.NoError(t, c.check(3, 1001, p, scratch))
	p[57]++
	require.ErrorIs(t, c.check(3, 1001, p, scratch), errWrong)
}

func TestOptions(t *testing.T) {
	for _, o := range []options{{}, {duration: time.Second}, {duration: time.Second, clients: 1}} {
		require.Error(t, o.validate())
	}
}
