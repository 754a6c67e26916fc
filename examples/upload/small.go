package main

import (
	"crypto/sha256"
	"time"
)

// smallBody is the most that a request may carry to be written as one, and smallWait
// how long its bytes have to arrive. Every step of a file costs a goroutine and its way
// back to the loop: a file that is all there can be opened, written and named in one.
const (
	smallBody = 64 << 10
	smallWait = time.Second
)

// arrives waits for a small body that makes a whole file. If it reports false the body
// is to be received as any other, with what is there of it unread.
func (s *server) arrives(a *answer, part span) bool {
	if part.off != 0 || !part.last || part.size < 0 || part.size > smallBody || wantsContinue(a.req) {
		return false
	}
	wait := smallWait
	if s.max.slow > 0 {
		wait = min(wait, s.max.slow)
	}
	if a.c.SetReadDeadline(time.Now().Add(wait)) != nil {
		return false
	}
	return a.c.WaitUnread(int(part.size)) == nil
}

// putSmall takes a file whose bytes have all arrived.
func (s *server) putSmall(a *answer, name string, size int64, wanted []byte) error {
	body, err := a.c.ReadChainN(int(size))
	if err != nil {
		return err
	}
	defer body.Release()
	s.bytes.Add(size)
	var sum []byte
	if s.digest || wanted != nil {
		h := sha256.New()
		for chunk := range body.All() {
			h.Write(chunk.Bytes())
		}
		sum = h.Sum(nil)
	}
	if !matches(sum, wanted) {
		return s.spoiled(a, name)
	}
	replaced, err := s.files.put(a.c, name, &body, s.sync)
	if err != nil {
		s.partial.Add(1)
		return err
	}
	return s.stored(a, name, size, sum, replaced)
}
