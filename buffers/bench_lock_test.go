package buffers

import (
	"sync"
	"sync/atomic"
	"testing"
)

// The two designs for taking blocks back, reduced to their synchronisation:
// one mutex around one stack, and a lock-free stack of returns that getters
// empty into the stack behind the mutex. A getter looks at the returns first,
// or hot blocks would lie there while cold ones are handed out.

type freeNode struct {
	next *freeNode
	_    [120]byte // the size of a block's header
}

type lockedStack struct {
	mu   sync.Mutex
	head *freeNode
	out  int
}

func (s *lockedStack) get() *freeNode {
	s.mu.Lock()
	n := s.head
	s.head = n.next
	s.out++
	s.mu.Unlock()
	return n
}

func (s *lockedStack) put(n *freeNode) {
	s.mu.Lock()
	n.next = s.head
	s.head = n
	s.out--
	s.mu.Unlock()
}

type returnStack struct {
	lockedStack
	returns  atomic.Pointer[freeNode]
	returned atomic.Int64 // what Stats would need
}

func (s *returnStack) get() *freeNode {
	s.mu.Lock()
	if s.returns.Load() != nil {
		for n := s.returns.Swap(nil); n != nil; {
			next := n.next
			n.next = s.head
			s.head = n
			n = next
		}
	}
	n := s.head
	s.head = n.next
	s.out++
	s.mu.Unlock()
	return n
}

func (s *returnStack) put(n *freeNode) {
	for {
		old := s.returns.Load()
		n.next = old
		if s.returns.CompareAndSwap(old, n) {
			s.returned.Add(1)
			return
		}
	}
}

type stack interface {
	get() *freeNode
	put(*freeNode)
}

func BenchmarkReturnDesign(b *testing.B) {
	nodes := make([]freeNode, 4096)
	for _, design := range []struct {
		name string
		make func() stack
	}{
		{"mutex", func() stack { return &lockedStack{head: &nodes[0]} }},
		{"lockfree", func() stack { return &returnStack{lockedStack: lockedStack{head: &nodes[0]}} }},
	} {
		b.Run(design.name+"/same goroutine", func(b *testing.B) {
			relink(nodes)
			s := design.make()
			for b.Loop() {
				s.put(s.get())
			}
		})
		b.Run(design.name+"/returned by another", func(b *testing.B) {
			relink(nodes)
			s := design.make()
			away := make(chan [64]*freeNode, 8)
			var wg sync.WaitGroup
			wg.Go(func() {
				for batch := range away {
					for _, n := range batch {
						s.put(n)
					}
				}
			})
			i := 0
			var batch [64]*freeNode
			for b.Loop() {
				batch[i] = s.get()
				if i++; i == len(batch) {
					away <- batch
					i = 0
				}
			}
			close(away)
			wg.Wait()
		})
	}
}

func relink(nodes []freeNode) {
	for i := range nodes[1:] {
		nodes[i].next = &nodes[i+1]
	}
	nodes[len(nodes)-1].next = nil
}
