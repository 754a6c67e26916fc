package main

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// The kernel is the judge of a whole archive; this holds what it does not say: order, modes, padding.
func TestArchive(t *testing.T) {
	a := archive{}
	a.add("init", 0o755, []byte("12345"))
	a.add("src/ring/testdata/x", 0o644, nil)
	var b bytes.Buffer
	require.NoError(t, a.writeTo(&b))
	require.Zero(t, b.Len()%4)

	require.Equal(t, []string{
		"init 100755 12345",
		"src 40755 ",
		"src/ring 40755 ",
		"src/ring/testdata 40755 ",
		"src/ring/testdata/x 100644 ",
		"TRAILER!!! 0 ",
	}, unpack(t, &b))
}

// unpack lists an archive's entries: name, octal mode, body.
func unpack(t *testing.T, r io.Reader) []string {
	t.Helper()
	var entries []string
	for {
		head := make([]byte, 110)
		if _, err := io.ReadFull(r, head); err == io.EOF {
			return entries
		}
		var magic string
		var f [13]uint32
		_, err := fmt.Sscanf(string(head), "%6s%8x%8x%8x%8x%8x%8x%8x%8x%8x%8x%8x%8x%8x", &magic,
			&f[0], &f[1], &f[2], &f[3], &f[4], &f[5], &f[6], &f[7], &f[8], &f[9], &f[10], &f[11], &f[12])
		require.NoError(t, err)
		require.Equal(t, "070701", magic)
		name := take(t, r, len(head), int(f[11]))
		body := take(t, r, 0, int(f[6]))
		entries = append(entries, fmt.Sprintf("%s %o %s", bytes.TrimRight(name, "\x00"), f[1], body))
	}
}

// take reads n bytes and the padding that rounds them, with what came before, up to a multiple of four.
func take(t *testing.T, r io.Reader, before, n int) []byte {
	t.Helper()
	b := make([]byte, n+(-(before+n))&3)
	_, err := io.ReadFull(r, b)
	require.NoError(t, err)
	require.Equal(t, make([]byte, len(b)-n), b[n:], "padding")
	return b[:n]
}
