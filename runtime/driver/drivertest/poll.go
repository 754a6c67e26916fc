package drivertest

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

var pollTests = []test{
	{name: "poll/now", once: testPollNow},
	{name: "poll/timeout", once: testPollTimeout},
	{name: "poll/wake before", once: testWakeBefore},
	{name: "poll/wake during", once: testWakeDuring},
	{name: "poll/for ever", once: testPollForEver},
	{name: "poll/wakes count as one", once: testWakeMany},
	{name: "poll/wake after close", once: testWakeAfterClose},
	{name: "poll/submit panics", once: testSubmitPanics},
	{name: "poll/no recursion", once: testNoRecursion},
}

// testPollNow would not end if Poll(0) waited.
func testPollNow(h *harness) {
	ln, _ := h.listen(tcp4)
	a := h.accept(ln)
	for range 100 {
		require.Zero(h.t, h.poll(0))
	}
	require.True(h.t, a.op.InFlight())
}

func testPollTimeout(h *harness) {
	ln, _ := h.listen(tcp4)
	h.accept(ln)
	h.settle()
	const wait = 20 * time.Millisecond
	began := time.Now()
	polls := 0
	for left := wait; left > 0; left = wait - time.Since(began) {
		require.Zero(h.t, h.poll(left))
		polls++
	}
	require.Less(h.t, polls, 100, "a Poll that does not wait") // a signal may end one early
}

// testWakeBefore would not end if a Wake before Poll were forgotten.
func testWakeBefore(h *harness) {
	for range 100 {
		h.Wake()
		require.Zero(h.t, h.poll(-1))
	}
}

func testWakeDuring(h *harness) {
	ask := make(chan struct{})
	k := h.spawn("waker", func() error {
		for range ask {
			h.Wake()
		}
		return nil
	})
	for range 500 {
		ask <- struct{}{}
		require.Zero(h.t, h.poll(-1))
	}
	close(ask)
	h.join(k)
}

// testPollForEver: a Poll without a time-out waits for a Wake that is yet to come.
// One that comes back early now and then is no harm, one that does not wait is.
func testPollForEver(h *harness) {
	var woken atomic.Int64
	polls := 0
	const rounds = 50
	for i := range int64(rounds) {
		time.AfterFunc(time.Millisecond, func() {
			woken.Add(1)
			h.Wake()
		})
		for ; woken.Load() <= i; polls++ {
			h.poll(-1)
		}
	}
	require.LessOrEqual(h.t, polls, 3*rounds)
}

// testWakeMany ends when some Poll has waited: wakes that are over end no Poll.
func testWakeMany(h *harness) {
	const wakers, wakes = 8, 100
	var tasks []*task
	for range wakers {
		tasks = append(tasks, h.spawn("waker", func() error {
			for range wakes {
				h.Wake()
			}
			return nil
		}))
	}
	h.join(tasks...)
	const wait = 5 * time.Millisecond
	for range wakers*(wakes+1) + 1 {
		began := time.Now()
		if h.poll(wait); time.Since(began) >= wait-time.Millisecond {
			return
		}
	}
	h.t.Error("Poll ended early more often than Wake was called")
}

func testWakeAfterClose(h *harness) {
	k := h.spawn("waker", func() error {
		for range 1000 {
			h.Wake()
		}
		return nil
	})
	h.end()
	h.Wake()
	for !k.done.Load() {
		time.Sleep(time.Millisecond)
	}
	require.NoError(h.t, h.Engine.Close(), "a second Close")
}

func testSubmitPanics(h *harness) {
	for _, code := range []driver.Code{driver.Invalid, driver.CodeCount, 255} {
		c := h.call(code, driver.NoSocket)
		require.Panics(h.t, func() { c.submit() }, "code %d", code)
	}
	ln, _ := h.listen(tcp4)
	a := h.accept(ln)
	require.Panics(h.t, func() { h.Submit(&a.op) }, "in flight")
	require.Equal(h.t, driver.ErrCanceled, a.cancel().err)
}

// testNoRecursion has an owner that submits what fails at once, from Complete.
// Call.Complete fails the test if it is called inside itself; Poll must come back
// although there is always more to complete.
func testNoRecursion(h *harness) {
	s, _ := h.pair(tcp4)
	h.close(s)
	c := h.call(driver.Recv, s)
	rounds := 0
	c.then = func(r *driver.Result) {
		if rounds++; rounds < 2000 {
			c.submit()
		}
	}
	c.submit()
	require.Zero(h.t, rounds, "Submit called back")
	h.until("all rounds", func() bool { return rounds == 2000 })
	require.Equal(h.t, net.ErrClosed, c.err)
}
