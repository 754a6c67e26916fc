package fiber

import (
	"bytes"
	"errors"
	"io"

	"github.com/headrace/headrace/buffers"
)

// ErrTooLong is returned when a delimiter does not come within the limit.
var ErrTooLong = errors.New("headrace: delimiter not within the limit")

// ReadChainN takes exactly n bytes, without copying them. The chunks are the
// caller's. Beyond Config.UnreadHigh they are the caller's memory to bound: for more
// than a request's worth, take pieces, or RecvToFile.
//
// On an error nothing is taken: what has come is still unread. As io.ReadFull it
// returns io.EOF if there was no byte and io.ErrUnexpectedEOF if there were too few.
func (c *Conn) ReadChainN(n int) (buffers.Chain, error) {
	var all buffers.Chain
	for all.Len() < n {
		if err := c.waitData(); err != nil {
			if err == io.EOF && !all.Empty() {
				err = io.ErrUnexpectedEOF
			}
			c.unread(&all)
			return buffers.Chain{}, err
		}
		in := c.rc.Unread()
		part := in.Split(min(n-all.Len(), in.Len()))
		all.AppendChain(&part)
		c.rc.Consumed()
	}
	return all, nil
}

// unread puts bytes back in front, unless the connection has ended.
func (c *Conn) unread(chain *buffers.Chain) {
	if c.closed || c.rc.Closing() {
		chain.Release()
		return
	}
	in := c.rc.Unread()
	chain.AppendChain(in)
	*in = chain.TakeAll()
}

// ReadUntil takes all up to and with the first delim, without copying. The chunks
// are the caller's. When delim is not within the first limit bytes, which count it,
// the error is ErrTooLong. On an error nothing is taken; it is io.ErrUnexpectedEOF
// when the stream ended between. limit is to be below Config.UnreadHigh, where
// reading pauses. An empty delim gives an empty chain.
func (c *Conn) ReadUntil(delim []byte, limit int) (buffers.Chain, error) {
	n, err := c.find(delim, limit)
	if err != nil {
		return buffers.Chain{}, err
	}
	found := c.rc.Unread().Split(n)
	c.rc.Consumed()
	return found, nil
}

// ReadLine reads a line of at most limit bytes, its end included, and returns it
// without the end, \n or \r\n. A line that lies in one chunk is not copied. It is
// valid until the next call that reads from the connection or closes it. Errors are
// as those of ReadUntil.
func (c *Conn) ReadLine(limit int) ([]byte, error) {
	chain, err := c.ReadUntil(newline, limit)
	if err != nil {
		return nil, err
	}
	c.fb.holds(c)
	c.line = chain
	line, _ := c.line.Peek(c.line.Len())
	return bytes.TrimSuffix(line[:len(line)-1], carriage), nil
}

var (
	newline  = []byte{'\n'}
	carriage = []byte{'\r'}
)

// dropLine releases what ReadLine returned last.
func (c *Conn) dropLine() { c.line.Release() }

// find waits for delim and returns how many bytes there are up to and with it.
func (c *Conn) find(delim []byte, limit int) (int, error) {
	c.dropLine()
	in, searched := c.rc.Unread(), 0
	for {
		seen := in.Len()
		if i := in.IndexFrom(delim, searched); i >= 0 && i+len(delim) <= limit {
			return i + len(delim), nil
		}
		searched = max(0, seen-len(delim)+1)
		if seen >= limit {
			return 0, ErrTooLong
		}
		if err := c.waitMore(seen); err != nil {
			if err == io.EOF && !in.Empty() {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
	}
}
