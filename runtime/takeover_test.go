package runtime_test

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
)

// errTaken ends the connections that are taken over.
var errTaken = errors.New("taken over")

// inTurns calls f on the loop after so many more of its turns.
func inTurns(l *runtime.Loop, turns int, f func()) {
	if turns == 0 {
		f()
		return
	}
	_ = l.Post(func() { inTurns(l, turns-1, f) })
}

// TestTakenOverAtTheEnd: a connection ends, and in one of the turns until its handler
// is told something takes it over: before, between, or after. Everybody hears of the
// end, and once.
func TestTakenOverAtTheEnd(t *testing.T) {
	f := newFile(t)
	takeOvers := map[string]func(c *runtime.Conn, done func(error)){
		"RecvToFile": func(c *runtime.Conn, done func(error)) {
			c.RecvToFile(f, 0, 10, nil, func(_ int64, err error) { done(err) })
		},
		"RecvFull": func(c *runtime.Conn, done func(error)) {
			c.RecvFull(make([]byte, 10), func(_ int, err error) { done(err) })
		},
	}
	for name, takeOver := range takeOvers {
		t.Run(name, func(t *testing.T) {
			rt := newRuntime(t, &runtime.Config{Loops: 1})
			const turns = 30
			closed := make(map[int][]error, turns)
			done := make(map[int][]error, turns)
			ends := make(chan error, 10)
			for i := range turns {
				near, far := tcpPair(t)
				adopt(t, rt.Loops()[0], near, &funcs{
					open: func(c *runtime.Conn) {
						c.Abort(errTaken)
						inTurns(c.Loop(), i, func() {
							takeOver(c, func(err error) { done[i] = append(done[i], err); ends <- err })
						})
					},
					closed: func(_ *runtime.Conn, err error) { closed[i] = append(closed[i], err); ends <- err },
				})
				require.ErrorIs(t, receive(t, ends), errTaken)
				require.ErrorIs(t, receive(t, ends), errTaken)
				far.Close()
			}
			require.NoError(t, rt.Close())
			for i := range turns {
				require.Len(t, closed[i], 1, "after %d turns", i)
				require.Len(t, done[i], 1, "after %d turns", i)
			}
		})
	}
}

// TestRelayedAtTheEnd: the same for a relay, which takes over for good.
func TestRelayedAtTheEnd(t *testing.T) {
	rt := newRuntime(t, &runtime.Config{Loops: 1})
	l := rt.Loops()[0]
	for i := 1; i < 30; i++ { // from inside accept there is no handler to follow
		one, _ := tcpPair(t)
		two, _ := tcpPair(t)
		results := make(chan error, 10)
		adopt(t, l, two, &funcs{open: func(up *runtime.Conn) {
			up.Pause()
			err := l.Adopt(one, func(c *runtime.Conn) runtime.Handler {
				c.Abort(errTaken)
				inTurns(l, i, func() {
					runtime.Relay(c, up, 0, func(r *runtime.RelayResult) { results <- errors.Join(r.ErrA, r.ErrB) })
				})
				return &funcs{}
			})
			if err != nil {
				results <- io.ErrUnexpectedEOF
			}
		}})
		require.ErrorIs(t, receive(t, results), errTaken, "after %d turns", i)
		require.NoError(t, l.Call(func() {})) // nothing more is due
		require.Empty(t, results, "after %d turns", i)
	}
}
