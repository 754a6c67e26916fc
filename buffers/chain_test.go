package buffers

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"testing/iotest"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestChainIsSmall(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Chain{}), 5*unsafe.Sizeof(uintptr(0)))
}

func TestChainKeepsOrder(t *testing.T) {
	p := smallPool(t)
	h := chainOf(t, p, "c", "", "de")
	h.Prepend(filled(t, p, "ab"))
	src := chainOf(t, p, "f", "g")
	h.AppendChain(src)
	require.Zero(t, *src)
	h.AppendChain(h)
	h.AppendChain(new(Chain))
	require.Equal(t, "abcdefg", string(h.Bytes()))
	require.Equal(t, 7, h.Len())
	require.Equal(t, 6, h.Chunks())
	require.Equal(t, 6*64, h.Held())
	var pieces []string
	for c := range h.All() {
		pieces = append(pieces, string(c.Bytes()))
	}
	require.Equal(t, []string{"ab", "c", "", "de", "f", "g"}, pieces)
	var walked []string
	for c := h.Front(); c != nil; c = c.Next() {
		walked = append(walked, string(c.Bytes()))
	}
	require.Equal(t, pieces, walked)
	for range h.All() {
		break
	}
	require.Equal(t, "g", string(h.Tail().Bytes()))
	require.Len(t, h.Buffers(), 5, "empty chunks are no iovecs")

	c := h.Pop()
	require.Equal(t, "ab", string(c.Bytes()))
	require.Nil(t, c.Next())
	c.Release()
	all := h.TakeAll()
	require.True(t, h.Empty())
	require.Nil(t, h.Front())
	require.Nil(t, h.Tail())
	require.Nil(t, h.Pop())
	require.Equal(t, "cdefg", string(all.Bytes()))
	all.Release()
	all.Release()
	require.Zero(t, inUse(p))
}

func TestSplitSharesTheBlockAtTheCut(t *testing.T) {
	p := smallPool(t)
	h := chainOf(t, p, "hello", "world")
	front := h.Split(7)
	require.Equal(t, "hellowo", string(front.Bytes()))
	require.Equal(t, "rld", string(h.Bytes()))
	require.Equal(t, 2, inUse(p))
	require.Equal(t, 3, p.Stats().Chunks)
	none := h.Split(0)
	require.Zero(t, none)
	rest := h.Split(3)
	require.Zero(t, *h)
	require.Panics(t, func() { rest.Split(4) })
	require.Panics(t, func() { rest.Split(-1) })
	require.Panics(t, func() { rest.Discard(4) })
	require.Panics(t, func() { rest.Discard(-1) })
	front.Release()
	require.Equal(t, "rld", string(rest.Bytes()))
	rest.Release()
	require.Zero(t, inUse(p))
}

func TestExtendFillsTheRoomOfTheTail(t *testing.T) {
	p := smallPool(t)
	h := chainOf(t, p, "head ")
	h.Extend(copy(h.Tail().Room(), "tail"))
	require.Equal(t, "head tail", string(h.Bytes()))
	require.Equal(t, 9, h.Len())
	require.Panics(t, func() { h.Extend(64) })
	h.Release()
	require.Panics(t, func() { h.Extend(0) })
}

func TestPeek(t *testing.T) {
	p := smallPool(t)
	h := chainOf(t, p, "", "hello", "", "world", "!")
	whole := h.Front().Next().Bytes()
	got, ok := h.Peek(5)
	require.True(t, ok)
	require.Same(t, &whole[0], &got[0], "contiguous bytes are not copied")
	require.Equal(t, 5, cap(got))
	_, ok = h.Peek(12)
	require.False(t, ok)
	_, ok = h.Peek(-1)
	require.False(t, ok)
	_, ok = h.Peek(0)
	require.True(t, ok)

	got, ok = h.Peek(7)
	require.True(t, ok)
	require.Equal(t, "hellowo", string(got))
	require.Same(t, &whole[0], &got[0], "joined in the room of the first chunk")
	require.Equal(t, "helloworld!", string(h.Bytes()))
	h.Release()

	h = chainOf(t, p, string(pattern(60)), string(pattern(60)))
	got, _ = h.Peek(100)
	require.Equal(t, string(pattern(60))+string(pattern(40)), string(got))
	require.Equal(t, 256, h.Front().Cap(), "joined in a larger block")
	require.Equal(t, 2, inUse(p))
	h.AppendCopy(p, pattern(500))
	joined, _ := h.Peek(400)
	require.Len(t, joined, 400)
	require.Equal(t, 400, h.Front().Cap(), "joined on the heap, beyond the largest class")
	require.Equal(t, h.Bytes()[:400], joined)
	h.Release()
	require.Zero(t, inUse(p))

	h.Append(Wrap([]byte("ab"), nil))
	h.Append(Wrap([]byte("cd"), nil))
	got, _ = h.Peek(3)
	require.Equal(t, "abc", string(got))
	h.Release()
}

func TestIndexAcrossChunks(t *testing.T) {
	p := smallPool(t)
	h := chainOf(t, p, "GET / HTTP/1.1\r", "\nHost: a\r\n", "\r", "", "\n", "body\r\n\r\n")
	text := h.Bytes()
	for _, sep := range []string{
		"", "G", "GET", "\r\n", "\r\n\r\n", "\n\r\nbody", "absent", "\r\n\r\n\r",
		string(text), string(text) + "x",
	} {
		require.Equal(t, bytes.Index(text, []byte(sep)), h.Index([]byte(sep)), "%q", sep)
		for from := range len(text) {
			want := bytes.Index(text[from:], []byte(sep))
			if want >= 0 {
				want += from
			}
			require.Equal(t, want, h.IndexFrom([]byte(sep), from), "%q from %d", sep, from)
		}
	}
	for _, b := range []byte("G\r\nby!") {
		require.Equal(t, bytes.IndexByte(text, b), h.IndexByte(b))
	}
	h.Release()
	require.Equal(t, -1, h.IndexByte('x'))
	require.Equal(t, -1, h.Index([]byte("x")))
	require.Zero(t, h.Index(nil))
}

func TestChainIsAReader(t *testing.T) {
	p := smallPool(t)
	content := pattern(1000)
	var h Chain
	require.Equal(t, len(content), h.AppendCopy(p, content))
	require.NoError(t, iotest.TestReader(&h, content))
	require.Zero(t, inUse(p), "reading releases")

	h.AppendCopy(p, []byte("ab"))
	b, err := h.ReadByte()
	require.NoError(t, err)
	require.Equal(t, byte('a'), b)
	n, err := h.Read(nil)
	require.Zero(t, n)
	require.NoError(t, err)
	_, err = h.ReadByte()
	require.NoError(t, err)
	_, err = h.ReadByte()
	require.Equal(t, io.EOF, err)
	_, err = h.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	n, err = h.Read(nil)
	require.Zero(t, n)
	require.NoError(t, err)
}

func TestAppendCopyFillsTheOpenChunkFirst(t *testing.T) {
	p := smallPool(t)
	var h Chain
	require.Zero(t, h.AppendCopy(p, nil))
	require.Zero(t, h.Chunks())
	for range 10 {
		require.Equal(t, 6, h.AppendCopy(p, []byte("small ")))
	}
	require.Equal(t, 1, h.Chunks(), "small pieces share a block")
	h.AppendCopy(p, pattern(600))
	require.Equal(t, 660, h.Len())
	require.Equal(t, 64+256+256+256, h.Held())
	front := h.Split(650)
	require.Equal(t, 3, h.AppendCopy(p, []byte("end")))
	require.Equal(t, 2, h.Chunks(), "a shared block has no room")
	front.Release()
	h.Release()
}

func TestAppendCopyStopsWhenTheBudgetIsSpent(t *testing.T) {
	const block = 64 << 10 // no smaller than any page
	p := newPool(t, &Config{BlockSizes: []int{block}, Budget: NewBudget(2 * block)})
	var h Chain
	text := pattern(3 * block)
	require.Equal(t, 2*block, h.AppendCopy(p, text))
	require.Equal(t, text[:2*block], h.Bytes())
	require.Zero(t, h.AppendCopy(p, text))
	joined, ok := h.Peek(block + 1)
	require.True(t, ok, "Peek joins on the heap when the pool has nothing")
	require.Equal(t, text[:block+1], joined)
	h.Release()
}

func TestWriteTo(t *testing.T) {
	p := smallPool(t)
	text := pattern(3000)
	for _, many := range []bool{false, true} {
		var h Chain
		if many {
			h.Append(filled(t, p, ""))
			for part := range slices.Chunk(text, 2) {
				h.Append(filled(t, p, string(part)))
			}
			require.Greater(t, h.Chunks(), writeBatch)
		} else {
			h.Append(Wrap(text, nil))
		}
		var out bytes.Buffer
		n, err := h.WriteTo(&out)
		require.NoError(t, err)
		require.EqualValues(t, len(text), n)
		require.Equal(t, text, out.Bytes())
		require.True(t, h.Empty())
		h.Release()
		require.Zero(t, inUse(p))
	}
	var empty Chain
	n, err := empty.WriteTo(io.Discard)
	require.NoError(t, err)
	require.Zero(t, n)
}

// limitedWriter takes n bytes and then fails, or, without err, writes short.
type limitedWriter struct {
	n   int
	err error
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	k := min(w.n, len(p))
	w.n -= k
	if k < len(p) {
		return k, w.err
	}
	return k, nil
}

func TestWriteToKeepsWhatWasNotWritten(t *testing.T) {
	p := smallPool(t)
	full := errors.New("disk full")
	for _, pieces := range [][]string{{"hello world"}, {"hello", " ", "world"}} {
		for _, failure := range []error{full, nil} {
			h := chainOf(t, p, pieces...)
			n, err := h.WriteTo(&limitedWriter{n: 10, err: failure})
			if failure == nil {
				require.ErrorIs(t, err, io.ErrShortWrite)
			} else {
				require.ErrorIs(t, err, full)
			}
			require.EqualValues(t, 10, n)
			require.Equal(t, "d", string(h.Bytes()))
			h.Release()
		}
	}
	require.Zero(t, inUse(p))
}

type overcounter struct{}

func (overcounter) Write(p []byte) (int, error) { return len(p) + 1, nil }

func TestWriteToPanicsOnABrokenWriter(t *testing.T) {
	p := smallPool(t)
	h := chainOf(t, p, "x")
	require.Panics(t, func() { _, _ = h.WriteTo(overcounter{}) })
	h.Release()
}

func TestWriteToSocketGathers(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	p := smallPool(t)
	text := pattern(20000)
	got := make(chan []byte, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			got <- nil
			return
		}
		defer c.Close()
		b, _ := io.ReadAll(c)
		got <- b
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	var h Chain
	h.AppendCopy(p, text)
	n, err := h.WriteTo(c)
	require.NoError(t, err)
	require.EqualValues(t, len(text), n)
	require.NoError(t, c.Close())
	require.Equal(t, text, <-got)
	require.Zero(t, inUse(p))
}
