package portable

import (
	"sync"
	"sync/atomic"
	"time"
)

// queue is where goroutines leave their flights for the loop.
type queue struct {
	mu     sync.Mutex
	posted list

	bell  chan struct{} // holds one ring
	woken atomic.Bool
	wakes atomic.Uint64
	timer *time.Timer
}

func (q *queue) init() {
	q.bell = make(chan struct{}, 1)
	q.timer = time.NewTimer(time.Hour)
	q.timer.Stop()
}

// post ends the goroutine's part of fl.
func (q *queue) post(fl *flight) {
	q.mu.Lock()
	first := q.posted.empty()
	q.posted.push(fl)
	q.mu.Unlock()
	if first {
		q.ring()
	}
}

// drain moves what was posted to the end of l.
func (q *queue) drain(l *list) {
	q.mu.Lock()
	l.join(&q.posted)
	q.mu.Unlock()
}

func (q *queue) wake() {
	if !q.woken.Swap(true) {
		q.wakes.Add(1)
		q.ring()
	}
}

func (q *queue) ring() {
	select {
	case q.bell <- struct{}{}:
	default:
	}
}

// wait returns when the bell rings or d has passed; forever if d is negative.
func (q *queue) wait(d time.Duration) {
	if d < 0 {
		<-q.bell
		return
	}
	q.timer.Reset(d)
	select {
	case <-q.bell:
		q.timer.Stop()
	case <-q.timer.C:
	}
}
