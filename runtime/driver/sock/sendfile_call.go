//go:build linux && !amd64 && !arm64

package sock

import "golang.org/x/sys/unix"

// sendfile leaves to package unix which of the calls of that name has 64 bits.
func sendfile(out, in int, off *int64, n int) (int, error) { return unix.Sendfile(out, in, off, n) }
