//go:build linux

package runtime_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime"
)

// storm is how many connections come, in waves that are larger than the server has
// descriptors for.
type storm struct {
	connects, wave int
	descriptors    uint64
}

func theStorm() storm {
	if testing.Short() {
		return storm{connects: 3_000, wave: 750, descriptors: 512}
	}
	return storm{connects: 20_000, wave: 5_000, descriptors: 4096}
}

// TestStorm: more connections come at once than there are descriptors. Those that
// are accepted are served, the others wait without keeping the server busy, and as
// descriptors return they are served too.
func TestStorm(t *testing.T) {
	if isChild(t) {
		stormServer(t)
		return
	}
	eachBackend(t, func(t *testing.T, _ runtime.Backend, env string) {
		s := theStorm()
		server := newChild(t, env)
		addr := server.start()
		began := time.Now()
		for range s.connects / s.wave {
			s.blow(t, server, addr)
		}
		state := stormState{}.of(server)
		require.Zero(t, state.conns)
		require.EqualValues(t, s.connects, state.accepted)
		t.Logf("%d connections in waves of %d with %d descriptors in %v, %d rests of accepting",
			s.connects, s.wave, s.descriptors, time.Since(began).Round(time.Millisecond), state.rests)
		server.end()
	})
}

// stormServer echoes, with few descriptors, and answers how it is.
func stormServer(t *testing.T) {
	limit := unix.Rlimit{Cur: theStorm().descriptors, Max: theStorm().descriptors}
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	rt := newRuntime(t, &runtime.Config{Loops: 2})
	tell("%v", listen(t, rt, "tcp", acceptEcho))
	obey(func(string) {
		total := rt.Stats().Total()
		tell("%d %d %d %d", total.Accepted, total.Conns, total.AcceptRests, cpuTime(t))
	})
}

// stormState is what the server answers.
type stormState struct {
	accepted, conns, rests uint64
	cpu                    time.Duration
}

func (stormState) of(server *child) (s stormState) {
	server.t.Helper()
	_, err := fmt.Sscan(server.ask("how are you?"), &s.accepted, &s.conns, &s.rests, &s.cpu)
	require.NoError(server.t, err)
	return s
}

// gust is one wave's clients.
type gust struct {
	addr   string
	served atomic.Int64
	leave  [2]chan struct{} // clients with an even number, with an odd one
	errs   chan error
}

// blow is one wave, until the last of it is served.
func (s storm) blow(t *testing.T, server *child, addr string) {
	before := stormState{}.of(server)
	g := &gust{
		addr: addr, errs: make(chan error, s.wave),
		leave: [2]chan struct{}{make(chan struct{}), make(chan struct{})},
	}
	var clients sync.WaitGroup
	for i := range s.wave {
		clients.Go(func() { g.errs <- g.client(i) })
	}
	// All that fit are served, and accepting has come to rest.
	require.Eventually(t, func() bool {
		now := stormState{}.of(server)
		return now.rests > before.rests && int64(now.conns) == g.served.Load() &&
			now.conns > s.descriptors*9/10
	}, watchdog, 10*time.Millisecond)
	require.Less(t, g.served.Load(), int64(s.wave), "there were descriptors for all")
	idle(t, server)

	close(g.leave[0])
	require.Eventually(t, func() bool { return g.served.Load() == int64(s.wave) || len(g.errs) > s.wave/2 },
		watchdog, time.Millisecond, "not all were served when descriptors came back")
	close(g.leave[1])
	clients.Wait()
	close(g.errs)
	for err := range g.errs {
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return stormState{}.of(server).conns == 0 }, watchdog, time.Millisecond)
}

// idle waits for a while in which the server uses next to no CPU. A loop that spins
// has none.
func idle(t *testing.T, server *child) {
	t.Helper()
	const while = 250 * time.Millisecond
	require.Eventually(t, func() bool {
		before := stormState{}.of(server).cpu
		time.Sleep(while)
		return stormState{}.of(server).cpu-before < while/10
	}, watchdog, time.Millisecond, "the server spins")
}

// client connects, is served, and leaves when it is time.
func (g *gust) client(i int) error {
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * watchdog)); err != nil {
		return err
	}
	if err := c.(*net.TCPConn).SetLinger(0); err != nil { // no TIME_WAIT holds the port
		return err
	}
	sent := fmt.Sprintf("client %d", i)
	if _, err := io.WriteString(c, sent); err != nil {
		return err
	}
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(c, got); err != nil {
		return fmt.Errorf("client %d: %w", i, err)
	}
	if string(got) != sent {
		return fmt.Errorf("client %d got %q", i, got)
	}
	g.served.Add(1)
	<-g.leave[i%2]
	return nil
}
