package tlsfiber

import (
	"os"
	"time"
)

// What a connection sends after it went over to the kernel: plain text, which the
// kernel makes records of, and what crypto/tls has to say itself.

func (c *Conn) writeKernel(p []byte) (int, error) {
	if err := c.t.kernel.err; err != nil {
		return 0, err
	}
	return c.fc.Write(p)
}

func (c *Conn) sendFileKernel(head []byte, f *os.File, off, n int64) (int64, error) {
	if err := c.t.kernel.err; err != nil {
		return 0, err
	}
	return c.fc.SendFile(head, f, off, n)
}

// settle waits until close_notify may be sent by itself: it does not go through the
// queue.
func (c *Conn) settle() error {
	if !c.KernelTLS() {
		return nil
	}
	return c.fc.Flush()
}

// control sends what crypto/tls wrote of its own accord. Its record is for a stream
// that goes no further: the kernel makes another with the same content.
func (t *transport) control(p []byte) (int, error) {
	const alert = 21
	if t.kernel.err != nil {
		return 0, t.kernel.err
	}
	typ, body, err := t.kernel.open(p)
	if err == nil && typ != alert {
		err = errKeyUpdate
	}
	if err != nil {
		t.kernel.err = err
		return 0, err
	}
	if t.c.Conn().Unsent() > 0 {
		return len(p), nil // the stream ends with an error, in the middle of something
	}
	if err := t.sendRecord(typ, body); err != nil {
		return 0, err
	}
	return len(p), nil
}

// sendRecord waits for room in the socket as long as crypto/tls waits with
// close_notify. Nothing wakes it: a peer so slow can wait some milliseconds more.
func (t *transport) sendRecord(typ byte, body []byte) error {
	by := time.Now().Add(closeNotifyWait)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		var failed error
		err := t.c.Conn().Control(func(fd uintptr) { failed = sendKernelRecord(fd, typ, body) })
		if err == nil {
			err = failed
		}
		if !wouldBlock(err) || time.Now().After(by) {
			return err
		}
		t.c.Sleep(pause)
	}
}

const closeNotifyWait = 5 * time.Second
