package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWrongOffsetHidesNothing: a part of what has not begun is refused, and leaves no trace.
func TestWrongOffsetHidesNothing(t *testing.T) {
	s := start(t)
	put := func() *http.Response {
		res, _ := s.do(t, http.MethodPut, "f", strings.NewReader("0123456789"), "Content-Range", "bytes 20-29/30")
		return res
	}
	res := put()
	require.Equal(t, http.StatusConflict, res.StatusCode)
	require.Equal(t, "0", res.Header.Get("Upload-Offset"))
	res, _ = s.do(t, http.MethodHead, "f", nil)
	require.Equal(t, http.StatusNotFound, res.StatusCode)

	res, _ = s.do(t, http.MethodPut, "f", strings.NewReader("whole"))
	require.Equal(t, http.StatusCreated, res.StatusCode)
	require.Equal(t, http.StatusConflict, put().StatusCode)
	res, _ = s.do(t, http.MethodHead, "f", nil)
	require.Equal(t, "?1", res.Header.Get("Upload-Complete"))
	require.EqualValues(t, 5, res.ContentLength)
	require.NoFileExists(t, s.path(partPrefix+"f"))
	s.Stop()
}

// TestNamesTooLong are the client's to shorten, and nothing to warn of. The second one is too
// long with the prefix of what is not complete.
func TestNamesTooLong(t *testing.T) {
	s := start(t, "-v")
	for _, name := range []string{strings.Repeat("n", 300), strings.Repeat("n", 250)} {
		for _, size := range []int{2, smallBody + 1} {
			text := fmt.Sprintf("PUT /%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
				name, size, strings.Repeat("x", size))
			require.Equal(t, http.StatusRequestURITooLong, s.talk(t, text), "%d bytes", size)
		}
	}
	res, _ := s.do(t, http.MethodGet, strings.Repeat("n", 300), nil)
	require.Equal(t, http.StatusRequestURITooLong, res.StatusCode)
	s.Stop()
	require.NotContains(t, s.Stderr(), "request failed")
}

// TestNameOfAFolder: a file can not replace a folder, and what nobody can finish is not kept.
func TestNameOfAFolder(t *testing.T) {
	s := start(t)
	require.NoError(t, os.Mkdir(s.path("dd"), 0o777))
	for _, header := range []string{
		"Content-Length: 2\r\n\r\nhi",
		fmt.Sprintf("Content-Length: %d\r\n\r\n", smallBody+1),
		"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
	} {
		require.Equal(t, http.StatusConflict, s.talk(t, "PUT /dd HTTP/1.1\r\nHost: x\r\n"+header), header)
		require.NoFileExists(t, s.path(partPrefix+"dd"), header)
	}
	// One that appears while the upload is under way.
	c, r := s.raw(t)
	_, err := io.WriteString(c, "PUT /late HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx")
	require.NoError(t, err)
	s.waitPart(t, "late")
	require.NoError(t, os.Mkdir(s.path("late"), 0o777))
	_, err = io.WriteString(c, strings.Repeat("x", 99_999))
	require.NoError(t, err)
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, http.StatusConflict, res.StatusCode)
	require.NoFileExists(t, s.path(partPrefix+"late"))
	s.Stop()
}
