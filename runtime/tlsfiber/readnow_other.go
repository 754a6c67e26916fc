//go:build !linux

package tlsfiber

import "os"

// readNow reads nothing: nobody tells what is in memory.
func readNow(*os.File, []byte, int64) int { return 0 }
