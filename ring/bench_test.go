//go:build linux

package ring

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// turn submits batch NOPs in one enter call and reaps them.
func turn(r *Ring, batch int, cqes []CQE) error {
	for i := range batch {
		s := r.GetSQE()
		s.PrepNop()
		s.UserData = uint64(i)
	}
	if _, err := r.SubmitAndWait(uint32(batch), watchdog); err != nil {
		return err
	}
	if n := r.PeekBatch(cqes); n != batch {
		return fmt.Errorf("%d of %d completions", n, batch)
	}
	return nil
}

// TestHotPathDoesNotAllocate covers GetSQE, Prep, all three enter calls, failures too, PeekBatch and the
// buffer ring.
func TestHotPathDoesNotAllocate(t *testing.T) {
	r := newRing(t, 32, Params{Flags: best})
	needFeatures(t, r, FeatExtArg)
	cqes := make([]CQE, 32)
	b, err := r.RegisterBufRing(64, 1, 0)
	needRegister(t, RegisterPBufRing, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	buf := memory(64)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if err := turn(r, 32, cqes); err != nil {
			panic(err)
		}
		r.GetSQE().PrepSend(-1, buf, 0)
		if _, err := r.Submit(); err != nil {
			panic(err)
		}
		if _, err := r.SubmitAndGetEvents(); err != nil {
			panic(err)
		}
		if n := r.PeekBatch(cqes); n != 1 || cqes[0].Res != -int32(unix.EBADF) {
			panic(cqes[0])
		}
		if _, err := r.SubmitAndWait(1, 1); err != unix.ETIME {
			panic(err)
		}
		b.Add(unsafe.Pointer(&buf[0]), 1, 0)
		b.Advance()
	}))
}

func BenchmarkNop(b *testing.B) {
	for _, batch := range []int{1, 32} {
		b.Run(fmt.Sprint("batch=", batch), func(b *testing.B) {
			r := newRing(b, 32, Params{Flags: best})
			if err := r.RegisterRingFD(); err != nil {
				b.Logf("not registered: %v", err)
			}
			cqes := make([]CQE, batch)
			b.ReportAllocs()
			for b.Loop() {
				if err := turn(r, batch, cqes); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(batch), "ns/NOP")
		})
	}
}
