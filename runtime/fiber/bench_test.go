package fiber

import "testing"

// BenchmarkSwitch is what waiting costs a fiber: off the loop's stack and back.
func BenchmarkSwitch(b *testing.B) {
	end := false
	fb := start(nil, func(fb *fiber) {
		for !end {
			fb.park(waiter{what: forCall})
		}
	})
	fb.run()
	b.ReportAllocs()
	for b.Loop() {
		fb.wake(waiter{what: forCall})
	}
	end = true
	fb.wake(waiter{what: forCall})
	if !fb.ended {
		b.Fatal("the fiber goes on")
	}
}
