package main

import (
	"bytes"
	"net/http"
)

// checkHead refuses what two programs on the way could read in two ways, so that a
// request is hidden in another one (RFC 9112, 11.2). The parser behind it is lenient:
// it takes a bare line feed for an end of line and a space for a part of a name, and drops a Content-Length beside
// Transfer-Encoding without a word.
func checkHead(head []byte) error {
	var length, encoding bool
	first := true
	for line := range bytes.Lines(head) {
		text, proper := bytes.CutSuffix(line, []byte("\r\n"))
		if !proper || bytes.IndexByte(text, '\r') >= 0 {
			return refusal{http.StatusBadRequest, "a line does not end in CR LF"}
		}
		name, _, found := bytes.Cut(text, []byte(":"))
		if !first && len(text) > 0 && (!found || len(name) == 0 || bytes.ContainsAny(name, " \t")) {
			return refusal{http.StatusBadRequest, "a header field without a proper name"}
		}
		first = false
		length = length || bytes.EqualFold(name, []byte("Content-Length"))
		encoding = encoding || bytes.EqualFold(name, []byte("Transfer-Encoding"))
	}
	if length && encoding {
		return refusal{http.StatusBadRequest, "both Content-Length and Transfer-Encoding"}
	}
	return nil
}
