package drivertest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/driver"
)

var manyTests = []test{
	{name: "many/500 sockets", once: testMany},
	{name: "many/connections come and go", stream: testComeAndGo},
	{name: "stats/count", once: testStats},
	{name: "allocs/echo", once: testEchoAllocs},
	{name: "allocs/sendfile", once: testSendFileAllocs},
}

// scaled is how many of something a short run makes do with.
func scaled(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// testMany echoes on many connections at once.
func testMany(h *harness) {
	const size = 20_000
	conns := scaled(500)
	ln, addr := h.listen(tcp4)
	a := h.accept(ln)
	served := 0
	a.then = func(r *driver.Result) {
		if r.Err == nil {
			served++
			h.echo(r.Socket, nil)
		}
	}
	var tasks []*task
	for range conns {
		tasks = append(tasks, h.spawn("client", func() error { return echoClient(addr, size) }))
	}
	h.join(tasks...)
	require.Equal(h.t, conns, served)
}

// testComeAndGo makes, uses and closes connections one after another, so that
// sockets and slots are used again.
func testComeAndGo(h *harness, k kind) {
	ln, addr := h.listen(k)
	h.accept(ln).then = func(r *driver.Result) {
		if r.Err != nil {
			return
		}
		s := r.Socket
		h.echo(s, func() { h.call(driver.Close, s).submit() })
	}
	for range scaled(100) {
		h.join(h.spawn("client", func() error { return echoClient(addr, 10) }))
	}
	h.settle()
}

func testStats(h *harness) {
	s, p := h.pair(tcp4)
	h.send(s, data(0, 5000)).wait()
	require.NoError(h.t, readStream(p, 0, 5000))
	require.NoError(h.t, writeStream(p, 3000))
	r := h.recvStream(s, 0)
	h.until("bytes", func() bool { return r.n == 3000 || r.final })
	var st driver.Stats
	h.Stats(&st)
	require.EqualValues(h.t, 5000, st.BytesOut)
	require.EqualValues(h.t, 3000, st.BytesIn)
	require.Equal(h.t, 1, st.InFlight)
	require.Equal(h.t, 1, st.SocketsOpen)
	require.NotZero(h.t, st.Enters)
	require.NotZero(h.t, st.Submitted)
	require.NotZero(h.t, st.Completed)
	require.Equal(h.t, driver.ErrCanceled, r.cancel().err)
	h.close(s)
	twice := driver.Stats{}
	h.Stats(&twice)
	require.EqualValues(h.t, 1, twice.Canceled)
	require.Zero(h.t, twice.InFlight)
	require.Zero(h.t, twice.SocketsOpen)
	out := twice.BytesOut
	h.Stats(&twice)
	require.Equal(h.t, 2*out, twice.BytesOut, "Stats adds")
}

// testEchoAllocs plays ping-pong between two sockets of the engine.
func testEchoAllocs(h *harness) {
	if !h.suite.zeroAlloc {
		h.t.Skip("the engine does not promise it")
	}
	a, b := h.both(tcp4)
	h.echo(b, nil)
	ping := h.echo(a, nil) // whatever starts it goes to and fro for ever
	p := h.pool.Get(64)
	p.Extend(64)
	first := h.call(driver.Send, a)
	first.out.Append(p)
	first.sendAll().wait()
	h.requireNoAllocs(func() bool {
		at := ping.completions
		for ping.completions < at+10 && h.quickPoll() {
		}
		return ping.completions >= at+10
	})
}

// testSendFileAllocs sends a file again and again to a socket of the engine.
func testSendFileAllocs(h *harness) {
	if !h.suite.zeroAlloc {
		h.t.Skip("the engine does not promise it")
	}
	const size = 100_000
	f := h.file(size)
	a, b := h.both(tcp4)
	r := h.recv(b)
	r.check = &stream{}
	c := h.call(driver.SendFile, a)
	c.ext.File = f
	c.then = func(res *driver.Result) {
		c.ext.Off += int64(res.N)
		if c.ext.Len -= int64(res.N); !res.More && c.ext.Len > 0 && res.Err == nil {
			c.submit()
		}
	}
	h.requireNoAllocs(func() bool {
		c.ext.Off, c.ext.Len = 0, size
		r.check.off = 0
		c.submit()
		for (r.check.off < size || c.op.InFlight()) && h.quickPoll() {
		}
		return r.check.off == size && c.err == nil && c.ext.Len == 0
	})
}

// quickPoll polls without what would allocate, and tells whether to go on.
func (h *harness) quickPoll() bool {
	n, err := h.Engine.Poll(Patience)
	return n > 0 && err == nil
}

// requireNoAllocs runs f until the engine has all it needs and counts then. F tells
// whether all went well.
func (h *harness) requireNoAllocs(f func() bool) {
	h.t.Helper()
	h.polling = true
	defer func() { h.polling = false }()
	failed := 0
	run := func() {
		if !f() {
			failed++
		}
	}
	for range 100 {
		run()
	}
	allocs := testing.AllocsPerRun(100, run)
	require.Zero(h.t, failed)
	require.Zero(h.t, allocs)
}
