package stdnet

import (
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
)

// inlineFile is the largest file that is read into the queue, where it leaves
// with the header before it.
const inlineFile = 64 << 10

// file is what a *os.File can do, also as io.Copy disguises it.
type file interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	syscall.Conn
	Stat() (fs.FileInfo, error)
	Name() string
}

// readFromFile sends a regular file from its offset on, and moves that.
func (c *conn) readFromFile(r io.Reader) (n int64, err error, handled bool) {
	limit := int64(-1)
	lr, limited := r.(*io.LimitedReader)
	if limited {
		if r, limit = lr.R, lr.N; limit <= 0 {
			return 0, nil, true
		}
	}
	f, ok := r.(file)
	if !ok {
		return 0, nil, false
	}
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() {
		return 0, nil, false
	}
	off, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, nil, false
	}
	size := max(0, fi.Size()-off)
	if limited {
		size = min(size, limit)
	}
	if size == 0 {
		return 0, nil, false // it may grow, or say so little of itself as those in /proc
	}
	n, err, handled = c.sendFile(f, off, size)
	if limited {
		lr.N -= n
	}
	if n > 0 {
		if _, serr := f.Seek(off+n, io.SeekStart); err == nil {
			err = serr
		}
	}
	return n, err, handled
}

// sendFile sends n bytes of f.
func (c *conn) sendFile(f file, off, n int64) (sent int64, err error, handled bool) { //nolint:revive // as above
	if n <= inlineFile {
		sent, err = c.readInto(f, off, n)
		return sent, err, true
	}
	own, err := reopen(f)
	if err != nil {
		return 0, nil, false
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	r := c.ring()
	if r == nil {
		own.Close()
		return 0, nil, false
	}
	s := &fileSender{ring: r, file: own, off: off, pieces: 1}
	defer s.unref()
	sent, err = s.send(n)
	return sent, c.opError("write", err), true
}

// reopen duplicates the file: pieces that are on their way outlive a call that a
// deadline or Close cuts short.
func reopen(f file) (*os.File, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd, dupErr := -1, error(nil)
	if err := raw.Control(func(old uintptr) { fd, dupErr = duplicateDescriptor(old) }); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, dupErr
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// filePiece is how much of a file is queued at once. Two pieces are less than what
// would keep the connection from reading (runtime.Config.UnsentHigh).
const filePiece = 192 << 10

// fileSender sends a file in pieces, two at a time.
type fileSender struct {
	ring *ring
	file *os.File
	off  int64
	size int64 // of the piece to be queued next

	mu     sync.Mutex
	pieces int   // on their way, and one for the call
	flying int64 // bytes of them
	err    error
}

// send queues pieces until n bytes are queued. What is queued counts as sent.
func (s *fileSender) send(n int64) (sent int64, err error) {
	r := s.ring
	for sent < n {
		if err := s.wait(); err != nil {
			return sent, err
		}
		s.size = min(n-sent, filePiece)
		s.mu.Lock()
		s.pieces++
		s.flying += s.size
		s.mu.Unlock()
		queued := make(chan error, 1)
		if err := r.home.loop.Post(func() { queued <- s.queue() }); err != nil {
			s.done(s.size, err)
			continue // the ring knows more
		}
		if <-queued != nil {
			continue // as above
		}
		sent += s.size
		s.off += s.size
	}
	return sent, nil
}

// wait waits until one more piece may be queued.
func (s *fileSender) wait() error {
	r := s.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if _, err := r.room(0); err != nil {
			return err
		}
		s.mu.Lock()
		flying, err := s.flying, s.err
		s.mu.Unlock()
		if err != nil || flying <= filePiece {
			return err
		}
		if r.writeDeadline.unarmed() {
			r.writeDeadline.arm(r.expireWrite)
		}
		r.writes = true
		r.mu.Unlock()
		<-r.writer
		r.mu.Lock()
		r.writes = false
	}
}

// queue queues the next piece, behind what was written. It is called on the loop.
func (s *fileSender) queue() error {
	s.ring.flush()
	size := s.size
	done := func(_ int64, err error) { s.done(size, err) }
	err := s.ring.rc.SendFile(s.file, s.off, size, done)
	if err != nil {
		s.done(size, err)
	}
	return err
}

// done is called when a piece is with the kernel, or will not be.
func (s *fileSender) done(size int64, err error) {
	s.mu.Lock()
	s.flying -= size
	if s.err == nil {
		s.err = cause(err)
	}
	s.mu.Unlock()
	poke(s.ring.writer)
	s.unref()
}

func (s *fileSender) unref() {
	s.mu.Lock()
	s.pieces--
	last := s.pieces == 0
	s.mu.Unlock()
	if last {
		s.file.Close()
	}
}
