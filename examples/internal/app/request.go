package app

import (
	"net/http"
	"strings"
)

// ProperNames tells whether all names in a request's header are such as HTTP allows.
// http.ReadRequest is lenient where net/http's server is not: a space before the colon
// would hide a Content-Length (RFC 9112, section 5.1).
func ProperNames(h http.Header) bool {
	for name := range h {
		if strings.ContainsFunc(name, func(r rune) bool { return !isTokenRune(r) }) {
			return false
		}
	}
	return true
}

// isTokenRune is tchar of RFC 9110, section 5.6.2.
func isTokenRune(r rune) bool {
	switch {
	case '0' <= r && r <= '9', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
		return true
	}
	return r != 0 && strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
