package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/examples/internal/app"
	"github.com/headrace/headrace/runtime/fiber"
)

const (
	pieceSize   = 64 << 10  // taken from the connection at a time
	writeSize   = 256 << 10 // collected before a write
	maxSizeLine = 1 << 10   // bytes of a chunk's size and extensions
	maxTrailer  = 16 << 10  // bytes of all trailer fields, which nobody reads
)

var errChunked = refusal{http.StatusBadRequest, "malformed chunked body"}

// chunkWriter takes a chunked body (RFC 9112, section 7.1) off a connection and
// writes it to a file. The data stays in the chunks that it arrived in.
type chunkWriter struct {
	c       *fiber.Conn
	f       *os.File
	largest int64
	u       *upload
	slow    time.Duration
	pending buffers.Chain // not written yet
	taken   int64
	written int64
}

// run takes the whole body. What came before an error is in the file.
func (w *chunkWriter) run() error {
	err := w.chunks()
	failed := w.flush()
	if failed != nil {
		return failed
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (w *chunkWriter) chunks() error {
	for {
		size, err := w.size()
		if err != nil {
			return err
		}
		if size == 0 {
			return w.trailer()
		}
		if size > w.largest-w.taken {
			return errTooLarge
		}
		if err := w.data(size); err != nil {
			return err
		}
		if line, err := w.line(len(lineEnd)); err != nil || len(line) != 0 {
			return errors.Join(errChunked, err)
		}
	}
}

var lineEnd = []byte("\r\n")

// line reads a line of the framing. A bare CR or LF in it is refused as in a header: who
// takes it for the line's end sees other chunks, and other requests behind them.
func (w *chunkWriter) line(limit int) (string, error) {
	if err := w.c.SetReadDeadline(app.Deadline(w.slow)); err != nil {
		return "", err
	}
	chain, err := w.c.ReadUntil(lineEnd, limit)
	if errors.Is(err, fiber.ErrTooLong) {
		err = errChunked
	}
	if err != nil {
		return "", err
	}
	defer chain.Release()
	p, _ := chain.Peek(chain.Len())
	p = p[:len(p)-len(lineEnd)]
	if bytes.ContainsAny(p, "\r\n") {
		return "", errChunked
	}
	return string(p), nil
}

// size reads the line before a chunk.
func (w *chunkWriter) size() (int64, error) {
	line, err := w.line(maxSizeLine)
	if err != nil {
		return 0, err
	}
	text, _, _ := strings.Cut(line, ";") // extensions mean nothing to us
	size, err := strconv.ParseUint(strings.TrimRight(text, " \t"), 16, 63)
	if err != nil {
		return 0, errChunked
	}
	return int64(size), nil
}

// data takes a chunk's bytes.
func (w *chunkWriter) data(size int64) error {
	for size > 0 {
		if err := w.c.SetReadDeadline(app.Deadline(w.slow)); err != nil {
			return err
		}
		piece, err := w.c.ReadChainN(int(min(size, pieceSize)))
		if err != nil {
			return err
		}
		size -= int64(piece.Len())
		w.taken += int64(piece.Len())
		for chunk := range piece.All() {
			if _, err := w.u.Write(chunk.Bytes()); err != nil {
				piece.Release()
				return err
			}
		}
		w.pending.AppendChain(&piece)
		if w.pending.Held() >= writeSize {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush writes what was collected; received bytes wait meanwhile.
func (w *chunkWriter) flush() error {
	if w.pending.Empty() {
		w.pending.Release()
		return nil
	}
	n, err := w.c.WriteFile(w.f, w.written, w.pending.TakeAll())
	w.written += n
	return err
}

// trailer reads on to the empty line that ends the body.
func (w *chunkWriter) trailer() error {
	for left := maxTrailer; left > 0; {
		line, err := w.line(left)
		if err != nil || len(line) == 0 {
			return err
		}
		left -= len(line)
	}
	return errChunked
}
