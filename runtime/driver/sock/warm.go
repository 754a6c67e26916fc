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
	// Of a large piece there is more to come: one question is for all up to the next
	// multiple of warmWindow.
	warmLarge, warmWindow = 128 << 10, 4 << 20
)

// warmRange holds the file's address as a number: it keeps no file alive. Where
// another one has come to its place meanwhile, the answer is a guess for warmFor.
type warmRange struct {
	file     uintptr
	off, end int64
	at       time.Duration
}

var warmEpoch = time.Now()

// Cached is the function of that name, asked less often.
func (w *Warm) Cached(f *os.File, off, n int64) bool {
	if n >= warmLarge {
		window := off &^ (warmWindow - 1)
		if w.ask(f, window, off, max(off+n, window+warmWindow)-off, n) {
			return true
		}
	}
	return w.ask(f, off, off, n, n)
}

// ask looks whether n bytes from off are known to be in memory, in the place that goes
// with key, or whether as many as all are.
func (w *Warm) ask(f *os.File, key, off, all, n int64) bool {
	file, now := uintptr(unsafe.Pointer(f)), time.Since(warmEpoch)
	r := &w.ranges[(uint64(file)>>4^uint64(key)>>12)%warmRanges]
	if r.file == file && r.off <= off && off+n <= r.end && now-r.at < warmFor {
		return true
	}
	if !Cached(f, off, all) {
		return false
	}
	*r = warmRange{file, off, off + all, now}
	return true
}
