//go:build linux

package sock

import (
	"os"
	"time"
	"unsafe"
)

// Warm remembers for a moment which ranges of files were in the page cache, for
// files that are sent again and again: asking the kernel each time costs as much as
// a tenth of sending 64 KiB. The zero value is ready. It is one goroutine's.
type Warm struct {
	ranges [warmRanges]warmRange
}

const (
	warmRanges = 64 // a power of two
	// warmFor is how old an answer of [Cached] may be. It ages without Warm, too.
	warmFor = 10 * time.Millisecond
)

// warmRange holds the file's address as a number: it keeps no file alive. Where
// another one has come to its place meanwhile, the answer is a guess for warmFor.
type warmRange struct {
	file   uintptr
	off, n int64
	at     time.Duration
}

var warmEpoch = time.Now()

// Cached is the function of that name, asked less often.
func (w *Warm) Cached(f *os.File, off, n int64) bool {
	file, now := uintptr(unsafe.Pointer(f)), time.Since(warmEpoch)
	r := &w.ranges[(uint64(file)>>4^uint64(off)>>12)%warmRanges]
	if r.file == file && r.off == off && r.n >= n && now-r.at < warmFor {
		return true
	}
	if !Cached(f, off, n) {
		return false
	}
	*r = warmRange{file, off, n, now}
	return true
}
