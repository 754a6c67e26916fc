//go:build linux

package epoll

// none is no slot and no index.
const none = ^uint32(0)

const (
	pageBits = 6
	pageSize = 1 << pageBits
)

// table hands out entries by index. Entries never move, so that a pointer to one
// survives the growth of the table. The last one given back is taken first.
type table[T any] struct {
	pages []*[pageSize]T
	free  []uint32
}

// at returns entry i, which must have been taken once.
func (t *table[T]) at(i uint32) *T { return &t.pages[i>>pageBits][i%pageSize] }

// has tells whether entry i was ever taken.
func (t *table[T]) has(i uint32) bool { return i>>pageBits < uint32(len(t.pages)) }

// len is how many entries there are, free ones included.
func (t *table[T]) len() uint32 { return uint32(len(t.pages)) * pageSize }

func (t *table[T]) take() (uint32, *T) {
	if len(t.free) == 0 {
		first := t.len()
		t.pages = append(t.pages, new([pageSize]T))
		for i := uint32(pageSize); i > 0; i-- {
			t.free = append(t.free, first+i-1)
		}
	}
	i := t.free[len(t.free)-1]
	t.free = t.free[:len(t.free)-1]
	return i, t.at(i)
}

func (t *table[T]) give(i uint32) { t.free = append(t.free, i) }

// ref names a socket entry in a list that outlives it.
type ref struct{ index, gen uint32 }

// fifo is a queue of refs that keeps its memory.
type fifo struct {
	refs []ref
	head int
}

func (q *fifo) len() int { return len(q.refs) - q.head }

func (q *fifo) push(r ref) {
	if q.head > 0 && len(q.refs) == cap(q.refs) {
		n := copy(q.refs, q.refs[q.head:])
		q.refs, q.head = q.refs[:n], 0
	}
	q.refs = append(q.refs, r)
}

func (q *fifo) pop() ref {
	r := q.refs[q.head]
	if q.head++; q.head == len(q.refs) {
		q.refs, q.head = q.refs[:0], 0
	}
	return r
}
