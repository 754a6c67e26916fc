// Package measure reads what a process cost from the kernel: CPU time to the nanosecond, context
// switches, memory. Nothing is sampled in between: two readings and their difference.
package measure

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Usage is what a set of processes has spent since they started, and what it holds now.
type Usage struct {
	CPU         time.Duration `json:"cpu_ns"`      // all threads, those that ended and io-wq workers too
	User        time.Duration `json:"user_ns"`     // of CPU, in 10 ms steps
	System      time.Duration `json:"system_ns"`   // of CPU, in 10 ms steps
	Voluntary   int64         `json:"voluntary"`   // context switches: the thread waited
	Involuntary int64         `json:"involuntary"` // context switches: the thread was made to yield
	RSS         int64         `json:"rss_bytes"`   // resident memory, now
	Threads     int           `json:"threads"`     // now

	// Tasks are the threads that live now, by their ids; nil where the kernel counts no times for them.
	Tasks map[int]Thread `json:"-"`
}

// Thread is what one thread has spent.
type Thread struct {
	Name string        `json:"name"`
	CPU  time.Duration `json:"cpu_ns"` // behind by up to a tick of the kernel's clock
}

// Kernel tells whether the thread is one of io_uring's own, which the kernel made.
func (t Thread) Kernel() bool { return strings.HasPrefix(t.Name, "iou-") }

// ByThread lists the threads that have spent anything, the busiest first.
func (u Usage) ByThread() []Thread {
	var all []Thread
	for _, t := range u.Tasks {
		if t.CPU > 0 {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b Thread) int { return int(b.CPU - a.CPU) })
	return all
}

// Since returns u less what was spent at an earlier reading; RSS and Threads stay as they are in u.
func (u Usage) Since(earlier Usage) Usage {
	u.CPU -= earlier.CPU
	u.User -= earlier.User
	u.System -= earlier.System
	u.Voluntary -= earlier.Voluntary
	u.Involuntary -= earlier.Involuntary
	u.Tasks = maps.Clone(u.Tasks)
	for id, t := range u.Tasks {
		t.CPU -= earlier.Tasks[id].CPU
		u.Tasks[id] = t
	}
	return u
}

func (u Usage) plus(v Usage) Usage {
	u.CPU += v.CPU
	u.User += v.User
	u.System += v.System
	u.Voluntary += v.Voluntary
	u.Involuntary += v.Involuntary
	u.RSS += v.RSS
	u.Threads += v.Threads
	if u.Tasks == nil {
		u.Tasks = map[int]Thread{}
	}
	maps.Copy(u.Tasks, v.Tasks)
	return u
}
