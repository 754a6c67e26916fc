package buffers

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// model runs a program, a string of bytes that name operations and their
// arguments, on two chains and on two plain byte slices.
type model struct {
	t       require.TestingT
	pool    *Pool
	program []byte
	filler  byte
	wraps   int // wrapped memory not yet released
	chains  [2]Chain
	want    [2][]byte
}

func runModel(t require.TestingT, program []byte) {
	p, err := NewPool(&Config{BlockSizes: []int{64, 256}, SegmentSize: 4096, Budget: NewBudget(1 << 20)})
	require.NoError(t, err)
	m := &model{t: t, pool: p, program: program}
	for len(m.program) > 0 {
		m.step()
		m.check(0)
		m.check(1)
	}
	m.chains[0].Release()
	m.chains[1].Release()
	require.Zero(t, m.wraps)
	require.Zero(t, inUse(p))
	require.NoError(t, p.Close())
}

// next returns the program's next byte, zero at the end.
func (m *model) next() int {
	if len(m.program) == 0 {
		return 0
	}
	b := m.program[0]
	m.program = m.program[1:]
	return int(b)
}

// upTo returns a number from 0 to n.
func (m *model) upTo(n int) int { return (m.next() | m.next()<<8) % (n + 1) }

// bytes returns up to max bytes over a small alphabet, so that searches hit.
func (m *model) bytes(max int) []byte {
	p := make([]byte, m.upTo(max))
	for i := range p {
		m.filler = m.filler*5 + 3
		p[i] = "ab\r\n"[m.filler>>6]
	}
	return p
}

// chunk returns a chunk that holds p, made in one of four ways.
func (m *model) chunk(p []byte) *Chunk {
	switch m.next() % 4 {
	case 0:
		m.wraps++
		return Wrap(p, func() { m.wraps-- })
	case 1:
		b, ok := m.pool.Lend(1)
		require.True(m.t, ok)
		fill(b, 0, string(p))
		return m.pool.Chunk(b, len(p))
	case 2:
		b, ok := m.pool.Lend(1)
		require.True(m.t, ok)
		fill(b, 3, string(p))
		defer m.pool.Unlend(b)
		return m.pool.Share(b, 3, len(p))
	default:
		return filled(m.t, m.pool, string(p))
	}
}

func (m *model) step() {
	op, side := m.next(), 0
	if op >= 128 {
		side = 1
	}
	h, want := &m.chains[side], &m.want[side]
	other, otherWant := &m.chains[1-side], &m.want[1-side]
	t := m.t
	switch op % 19 {
	case 0:
		p := m.bytes(300)
		require.Equal(t, len(p), h.AppendCopy(m.pool, p))
		*want = append(*want, p...)
	case 1:
		p := m.bytes(64)
		h.Append(m.chunk(p))
		*want = append(*want, p...)
	case 2:
		p := m.bytes(64)
		h.Prepend(m.chunk(p))
		*want = append(bytes.Clone(p), *want...)
	case 3:
		h.AppendChain(other)
		*want = append(*want, *otherWant...)
		*otherWant = nil
	case 4:
		all := h.TakeAll()
		other.AppendChain(&all)
		*otherWant = append(*otherWant, *want...)
		*want = nil
	case 5:
		n := m.upTo(h.Len())
		front := h.Split(n)
		require.Equal(t, n, front.Len())
		other.AppendChain(&front)
		*otherWant = append(*otherWant, (*want)[:n]...)
		*want = (*want)[n:]
	case 6, 7:
		n := m.upTo(h.Len())
		h.Discard(n)
		*want = (*want)[n:]
	case 8:
		m.popAndTrim(h, want, other, otherWant)
	case 9:
		p := make([]byte, m.upTo(200))
		n, err := h.Read(p)
		if len(*want) == 0 && len(p) > 0 {
			require.Equal(t, io.EOF, err)
		} else {
			require.NoError(t, err)
		}
		require.Equal(t, copy(bytes.Clone(p), *want), n)
		require.Equal(t, string((*want)[:n]), string(p[:n]))
		*want = (*want)[n:]
	case 10:
		n := m.upTo(h.Len())
		n64, err := h.WriteTo(&limitedWriter{n: n, err: io.ErrClosedPipe})
		require.EqualValues(t, n, n64)
		require.Equal(t, n < len(*want), err != nil)
		*want = (*want)[n:]
	case 11:
		n := m.upTo(h.Len() + 2)
		p, ok := h.Peek(n)
		require.Equal(t, n <= len(*want), ok)
		if ok {
			require.Equal(t, string((*want)[:n]), string(p))
		}
	case 12:
		p := make([]byte, m.upTo(h.Len()+5))
		n := h.CopyTo(p)
		require.Equal(t, string((*want)[:min(len(p), len(*want))]), string(p[:n]))
	case 13:
		sep := m.bytes(6)
		require.Equal(t, bytes.Index(*want, sep), h.Index(sep))
	case 14:
		from := m.upTo(h.Len())
		sep := (*want)[from:min(len(*want), from+m.upTo(100))]
		require.Equal(t, bytes.Index(*want, sep), h.Index(sep))
	case 15:
		b := "ab\r\nx"[m.upTo(4)]
		require.Equal(t, bytes.IndexByte(*want, b), h.IndexByte(b))
	case 16:
		if tail := h.Tail(); tail != nil {
			n := copy(tail.Room(), m.bytes(50))
			*want = append(*want, tail.Room()[:n]...)
			h.Extend(n)
		}
	case 17:
		b, err := h.ReadByte()
		if len(*want) == 0 {
			require.Equal(t, io.EOF, err)
		} else {
			require.Equal(t, (*want)[0], b)
			*want = (*want)[1:]
		}
	case 18:
		if op%2 == 0 {
			h.Release()
			*want = nil
			return
		}
		p := m.bytes(100)
		room := h.Reserve(m.pool, len(p))
		require.GreaterOrEqual(t, len(room), len(p))
		h.Extend(copy(room, p))
		*want = append(*want, p...)
	}
}

// popAndTrim moves a part of the first chunk to the other chain.
func (m *model) popAndTrim(h *Chain, want *[]byte, other *Chain, otherWant *[]byte) {
	c := h.Pop()
	if c == nil {
		require.Empty(m.t, *want)
		return
	}
	part := (*want)[:c.Len()]
	*want = (*want)[c.Len():]
	front := m.upTo(len(part))
	c.TrimFront(front)
	part = part[front:]
	back := m.upTo(len(part))
	c.TrimBack(back)
	part = part[:len(part)-back]
	require.Equal(m.t, string(part), string(c.Bytes()))
	i := m.upTo(len(part))
	j := i + m.upTo(len(part)-i)
	other.Append(c.Slice(i, j))
	*otherWant = append(*otherWant, part[i:j]...)
	other.Append(c)
	*otherWant = append(*otherWant, part...)
}

// check compares a chain with its model and its books with its chunks.
func (m *model) check(side int) {
	t, h, want := m.t, &m.chains[side], m.want[side]
	require.Equal(t, string(want), string(h.Bytes()))
	var n, held, count int
	var last *Chunk
	for c := range h.All() {
		n += c.Len()
		if c.blk.pool != nil {
			held += c.Cap()
		}
		count++
		last = c
		require.Equal(t, c.Len(), cap(c.Bytes()))
	}
	require.Equal(t, n, h.Len())
	require.Equal(t, held, h.Held())
	require.Equal(t, count, h.Chunks())
	require.Equal(t, len(want) == 0, h.Empty())
	require.True(t, last == h.Tail())
	require.Equal(t, string(want), string(bytes.Join(h.Buffers(), nil)))
}

func TestChainBehavesLikeBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runModel(t, rapid.SliceOfN(rapid.Byte(), 0, 500).Draw(t, "program"))
	})
}

func FuzzChain(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00\x2c\x01\x00\x2c\x01\x05\x40\x00\x03\x84\x0b\xff\x00"))
	f.Add([]byte("\x01\x20\x00\x00\x01\x20\x00\x01\x02\x10\x00\x02\x0b\x30\x00\x08\x01\x00\x02\x00\x92"))
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > 512 {
			t.Skip("longer programs find nothing that shorter ones do not")
		}
		runModel(t, program)
	})
}
