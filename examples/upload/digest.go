package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/headrace/headrace/runtime/fiber"
)

// digestField is the checksum of a whole file, whatever part of it a message
// carries (RFC 9530).
const digestField = "Repr-Digest"

func formatDigest(sum []byte) string {
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum) + ":"
}

// wantedDigest reads the SHA-256 of a Repr-Digest; nil if there is none.
func wantedDigest(h http.Header) ([]byte, error) {
	for member := range strings.SplitSeq(strings.Join(h.Values(digestField), ","), ",") {
		text, ok := strings.CutPrefix(strings.TrimSpace(member), "sha-256=:")
		if !ok {
			continue // another algorithm
		}
		text, ok = strings.CutSuffix(text, ":")
		sum, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(sum) != sha256.Size {
			return nil, refusal{http.StatusBadRequest, "malformed " + digestField}
		}
		return sum, nil
	}
	return nil, nil
}

// hashBefore adds the first n bytes of a file, which came with former requests. A
// large file takes its time, so it is read off the loop.
func hashBefore(c *fiber.Conn, w io.Writer, f *os.File, n int64) (err error) {
	if n == 0 {
		return nil
	}
	c.Offload(func() { _, err = io.Copy(w, io.NewSectionReader(f, 0, n)) })
	return err
}

// matches reports whether a sum is the one that was wanted, if any was.
func matches(sum, wanted []byte) bool { return wanted == nil || bytes.Equal(sum, wanted) }
