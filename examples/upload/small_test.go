package main

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// A small file is written at once, when it is all there. One that takes its time is received as
// any other, with what has come of it.
func TestSmallInPieces(t *testing.T) {
	const size = 20_000
	data := patternBytes(size)
	s := start(t)
	c, r := s.raw(t)
	_, err := fmt.Fprintf(c, "PUT /f HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", size, data[:size/3])
	require.NoError(t, err)
	s.waitPart(t, "f")
	_, err = c.Write(data[size/3:])
	require.NoError(t, err)
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, http.StatusCreated, res.StatusCode)
	require.Equal(t, patternSum(size), fileSum(t, s.path("f")))
	// What breaks off before is kept, as with large ones, and two requests that come as one are two.
	_, err = fmt.Fprintf(c, "PUT /g HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123456789"+
		"PUT /h HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234")
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	res, err = http.ReadResponse(r, nil)
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, http.StatusCreated, res.StatusCode)
	require.Contains(t, s.Stop(), "complete=2 partial=1")
	g, err := os.ReadFile(s.path("g"))
	require.NoError(t, err)
	require.Equal(t, "0123456789", string(g))
	h, err := os.ReadFile(s.path(partPrefix + "h"))
	require.NoError(t, err)
	require.Equal(t, "01234", string(h))
}
