package app

import (
	"cmp"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/headrace/headrace/runtime"
)

// Stall is a turn of a loop that took longer than -stall.
type Stall struct {
	Loop   int
	Held   time.Duration // the turn, from its first callback to its last
	Waited time.Duration // of it, the loop's thread was ready to run and had no CPU
	GC     time.Duration // of it, the world was stopped
	Stack  string        // early in the stall
}

// Callbacks is what the callbacks themselves held the loop for. What the thread waited
// for a CPU is the machine's doing, and where the world was stopped the collector's.
func (s *Stall) Callbacks() time.Duration { return s.Held - s.Waited - s.GC }

// worstStalls is how many stalls are kept.
const worstStalls = 20

// stallWatch finds out of what stalls consist. Every loop gets a thread of its own: it
// is threads that the system keeps such accounts of.
type stallWatch struct {
	mu     sync.Mutex
	stacks map[int]string // the last of each loop
	ended  []endedStall
	worst  []Stall
}

type endedStall struct {
	loop     int
	from, to time.Time
}

// hook has the runtime tell of its stalls.
func (w *stallWatch) hook(h *runtime.Hooks) {
	w.stacks = make(map[int]string)
	h.Stalled = func(loop int, _ time.Duration, stack string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.stacks[loop] = stack
	}
	h.StallEnded = func(loop int, held time.Duration) {
		now := time.Now()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended = append(w.ended, endedStall{loop, now.Add(-held), now})
	}
}

// accountEvery is how often it is noted how long threads have waited: a stall is charged
// from the note before it.
const accountEvery = 10 * time.Millisecond

// watch notes how long the loops' threads wait for a CPU, until the program ends. It
// comes before there are fibers: a coroutine is bound to how its creator was, tied to a
// thread or not.
func (w *stallWatch) watch(rt *runtime.Runtime) error {
	accounts := make([]account, len(rt.Loops()))
	for i, l := range rt.Loops() {
		if err := l.Call(func() { accounts[i].thread = ownThread() }); err != nil {
			return err
		}
	}
	go w.note(accounts)
	return nil
}

func (w *stallWatch) note(accounts []account) {
	for tick := time.NewTicker(accountEvery); ; <-tick.C {
		now := time.Now()
		for i := range accounts {
			accounts[i].note(now)
		}
		w.settle(accounts, now)
	}
}

// settle judges the stalls that ended before the newest notes.
func (w *stallWatch) settle(accounts []account, noted time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var later []endedStall
	for _, e := range w.ended {
		if e.to.After(noted) {
			later = append(later, e)
			continue
		}
		w.worst = append(w.worst, Stall{
			Loop: e.loop, Held: e.to.Sub(e.from), Waited: accounts[e.loop].waited(e.from, e.to),
			GC: stopped(e.from, e.to), Stack: w.stacks[e.loop],
		})
	}
	w.ended = later
	slices.SortFunc(w.worst, func(a, b Stall) int { return cmp.Compare(b.Callbacks(), a.Callbacks()) })
	w.worst = w.worst[:min(len(w.worst), worstStalls)]
}

// list returns the worst stalls, the longest callbacks first.
func (w *stallWatch) list() any {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.worst)
}

// stopped returns for how much of a time the world was stopped.
func stopped(from, to time.Time) (sum time.Duration) {
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	for i, end := range gc.PauseEnd {
		begin := end.Add(-gc.Pause[i])
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		sum += max(0, end.Sub(begin))
	}
	return sum
}

// account is how long a thread has waited for a CPU, as it was at some times.
type account struct {
	thread int // 0 where the system does not tell
	notes  [1000]note
	n      int
}

type note struct {
	at     time.Time
	waited time.Duration
}

func (a *account) note(now time.Time) {
	if a.thread == 0 {
		return
	}
	a.notes[a.n%len(a.notes)] = note{now, threadWaited(a.thread)}
	a.n++
}

// waited returns how long the thread waited between two times, at most all of it.
func (a *account) waited(from, to time.Time) time.Duration {
	if a.n == 0 {
		return 0
	}
	last := a.notes[(a.n-1)%len(a.notes)]
	before := last
	for i := a.n - 1; i >= max(0, a.n-len(a.notes)); i-- {
		if before = a.notes[i%len(a.notes)]; !before.at.After(from) {
			break
		}
	}
	return min(last.waited-before.waited, to.Sub(from))
}
