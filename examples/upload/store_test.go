package main

import (
	"net/http"
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
