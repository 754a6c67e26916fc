package portable

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/driver"
)

// loud has a Write of its own, and all the rest of a connection.
type loud struct{ *net.TCPConn }

// Write implements [io.Writer].
func (l loud) Write(p []byte) (int, error) { return l.TCPConn.Write(bytes.ToUpper(p)) }

// TestWriteOfItsOwn: bytes go through the Write of a connection that is built on one of
// package net, in one piece or in many.
func TestWriteOfItsOwn(t *testing.T) {
	e := open(t)
	near, far := pair(t)
	s, err := e.Attach(loud{near})
	require.NoError(t, err)
	for _, pieces := range [][]string{{"hello"}, {"many ", "small ", "pieces"}} {
		var out buffers.Chain
		want := ""
		for _, p := range pieces {
			out.Append(buffers.Wrap([]byte(p), nil))
			want += p
		}
		r := &sender{}
		r.op = driver.Op{Code: driver.Send, Owner: r, Socket: s, Chain: &out}
		e.Submit(&r.op)
		until(t, e, func() bool { return !r.op.InFlight() })
		require.Equal(t, driver.Result{N: len(want), Socket: driver.NoSocket}, r.res)
		got := make([]byte, len(want))
		_, err = io.ReadFull(far, got)
		require.NoError(t, err)
		require.Equal(t, string(bytes.ToUpper([]byte(want))), string(got))
		out.Release()
	}
}

// sender is an owner that keeps the last result.
type sender struct {
	op  driver.Op
	res driver.Result
}

func (s *sender) Complete(_ *driver.Op, res *driver.Result) { s.res = *res }
