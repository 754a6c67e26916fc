//go:build linux

package epoll

import (
	"sync"
	"sync/atomic"
)

// workers runs jobs that could block, each on a goroutine of its own up to a
// bound. A goroutine is started when a job comes and ends when there is none: to
// start one costs nothing beside a device. A jobClose is outside of the bound: it
// waits for a peer, which may be one that wants files to wait.
//
// The loop's goroutine calls all methods; helpers only run jobs.
type workers struct {
	limit int
	wake  *waker
	group sync.WaitGroup
	ready atomic.Bool // done is not empty

	mu      sync.Mutex
	running int
	waiting list // jobs that nobody has begun
	done    list

	free list // the loop's
}

// list is a list of jobs, first in first out.
type list struct{ head, tail *job }

func (l *list) push(j *job) {
	j.next = nil
	if l.head == nil {
		l.head = j
	} else {
		l.tail.next = j
	}
	l.tail = j
}

func (l *list) pop() *job {
	j := l.head
	if j != nil {
		l.head = j.next
		j.next = nil
	}
	return j
}

func (l *list) remove(j *job) bool {
	var prev *job
	for at := l.head; at != nil; prev, at = at, at.next {
		if at != j {
			continue
		}
		if prev == nil {
			l.head = j.next
		} else {
			prev.next = j.next
		}
		if l.tail == j {
			l.tail = prev
		}
		return true
	}
	return false
}

func (w *workers) init(limit int, wake *waker) { w.limit, w.wake = limit, wake }

// get returns a job of the given kind with nothing in it.
func (w *workers) get(kind jobKind) *job {
	j := w.free.pop()
	if j == nil {
		j = new(job)
	}
	*j = job{kind: kind, iovs: j.iovs[:0]}
	return j
}

// put takes a job back.
func (w *workers) put(j *job) {
	clear(j.iovs)
	*j = job{iovs: j.iovs[:0]}
	w.free.push(j)
}

// start hands j to a helper.
func (w *workers) start(j *job) {
	if j.kind == jobClose {
		w.group.Go(func() { w.run(j) })
		return
	}
	w.mu.Lock()
	w.waiting.push(j)
	more := w.running < w.limit
	if more {
		w.running++
	}
	w.mu.Unlock()
	if more {
		w.group.Add(1)
		go w.work()
	}
}

// drop takes j back if no helper has begun it.
func (w *workers) drop(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waiting.remove(j)
}

// any tells whether jobs are done.
func (w *workers) any() bool { return w.ready.Load() }

// take returns a job that is done, nil if there is none.
func (w *workers) take() *job {
	w.mu.Lock()
	defer w.mu.Unlock()
	j := w.done.pop()
	if j == nil {
		w.ready.Store(false)
	}
	return j
}

func (w *workers) work() {
	defer w.group.Done()
	w.mu.Lock()
	for {
		j := w.waiting.pop()
		if j == nil {
			break
		}
		w.mu.Unlock()
		w.run(j)
		w.mu.Lock()
	}
	w.running--
	w.mu.Unlock()
}

// run does j and leaves it for the loop.
func (w *workers) run(j *job) {
	j.run()
	w.mu.Lock()
	w.done.push(j)
	w.ready.Store(true)
	w.mu.Unlock()
	w.wake.Wake()
}

// close returns when all jobs are done; their results can be taken after it.
func (w *workers) close() { w.group.Wait() }
