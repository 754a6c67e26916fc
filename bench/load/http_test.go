//go:build linux

package load

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseHead(t *testing.T) {
	tests := map[string]struct {
		head string
		want int
		bad  bool
	}{
		"plain":          {"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n", 13, false},
		"lower case":     {"HTTP/1.1 200 OK\r\nserver: x\r\ncontent-length:0\r\ndate: y\r\n", 0, false},
		"created":        {"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n", 0, false},
		"no content":     {"HTTP/1.1 204 No Content\r\n", 0, false},
		"not found":      {"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n", 0, true},
		"no length":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", 0, true},
		"negative":       {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", 0, true},
		"no number":      {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n", 0, true},
		"other protocol": {"SSH-2.0-x\r\n", 0, true},
		"empty":          {"", 0, true},
		"in a value":     {"HTTP/1.1 200 OK\r\nX: content-length: 5\r\nContent-Length: 6\r\n", 6, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n, err := parseHead([]byte(tt.head))
			if tt.bad {
				require.ErrorIs(t, err, ErrHTTP)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, n)
		})
	}
}

// An answer may come in pieces of any size; the outcome is the same.
func TestTakeInPieces(t *testing.T) {
	answer := "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"
	for size := 1; size <= len(answer); size++ {
		h := &httpProto{length: 5}
		w, c := &worker{}, &conn{}
		for at := 0; at < len(answer); at += size {
			end := min(at+size, len(answer))
			complete, err := h.take(w, c, []byte(answer[at:end]))
			require.NoError(t, err)
			require.Equal(t, end == len(answer), complete, "pieces of %d, at %d", size, at)
		}
		require.EqualValues(t, 5, w.bytes)
	}
}

func FuzzParseHead(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\ncontent-length:"))
	f.Fuzz(func(t *testing.T, head []byte) {
		if n, err := parseHead(append(head, '\r', '\n')); err == nil {
			require.GreaterOrEqual(t, n, 0)
		}
	})
}
