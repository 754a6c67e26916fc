//go:build linux

package tlsfiber

import (
	"os"

	"github.com/headrace/headrace/runtime/driver/sock"
)

// readNow reads what of the range is in memory, from its start. Whatever else is
// to be said of it, reading the rest will say.
func readNow(f *os.File, p []byte, off int64) int {
	n, err := sock.ReadNow(f, p, off)
	if err != nil {
		return 0
	}
	return n
}
