package probe

import (
	"log/slog"
	"time"
)

// Schema numbers the JSON form of a [Report]. It grows when a field changes its
// meaning or goes away; new fields do not change it.
const Schema = 1

// Report is what one run found. It is a plain value: nothing in it refers to the
// kernel, and it is safe to read from any goroutine once Run has returned it.
type Report struct {
	Schema   int            `json:"schema"`
	Host     Host           `json:"host"`
	Gates    []Gate         `json:"gates"`
	Block    *Block         `json:"block,omitempty"` // nil where io_uring is permitted
	Engines  []EngineStatus `json:"engines"`
	Features []Feature      `json:"features"`
	Ops      []Op           `json:"ops,omitempty"`
	Hints    []Hint         `json:"hints,omitempty"`
	// Elapsed is how long the run took.
	Elapsed time.Duration `json:"elapsed_ns"`
}

// Host is where the run took place. Nothing is concluded from it but hints.
type Host struct {
	OS      string  `json:"os"`
	Arch    string  `json:"arch"`
	Release string  `json:"release,omitempty"` // as uname -r prints it
	Kernel  Version `json:"kernel,omitzero"`   // the numbers of Release
	// Container is docker, podman, kubernetes, containerd, lxc, systemd-nspawn,
	// the name that the manager gave, or empty where none was recognised.
	Container string `json:"container,omitempty"`
	UID       int    `json:"uid"`
	CPUs      int    `json:"cpus"`
}

// Gate is one thing that can forbid io_uring, and what was read there.
type Gate struct {
	ID     string `json:"id"` // syscall, sysctl, seccomp, lsm, memlock, kernel
	Status Status `json:"status"`
	// Value is the raw value that was read, such as
	// "kernel.io_uring_disabled=2".
	Value string `json:"value,omitempty"`
	// Detail says in few words what the value means here.
	Detail string `json:"detail,omitempty"`
}

// Block is why io_uring can not be had at all.
type Block struct {
	Cause Cause `json:"cause"`
	// Call is the system call that was refused; empty where none was tried.
	Call string `json:"call,omitempty"`
	// Errno is what it answered.
	Errno Errno `json:"errno,omitempty"`
	// Reason is one line, such as "io_uring blocked by seccomp".
	Reason string `json:"reason"`
}

// Feature is one ability of io_uring that the runtime uses or could use.
type Feature struct {
	ID   string `json:"id"` // stable: recv_multishot
	Name string `json:"name"`
	// State says whether it was seen to work.
	State State `json:"state"`
	// Off is why the runtime leaves a working feature alone; empty if it does not.
	Off string `json:"off,omitempty"`
	// OffLink is where to read about it.
	OffLink string `json:"off_link,omitempty"`
	// Errno is what the kernel answered where State is not Yes.
	Errno Errno `json:"errno,omitempty"`
	// How it was found out: setup, features, opcode, register, round trip, query.
	How How `json:"how,omitempty"`
	// Note is what else was seen, such as a time-out.
	Note     string  `json:"note,omitempty"`
	Required bool    `json:"required,omitempty"` // io_uring is not used without it
	Since    Version `json:"since"`              // first kernel
	Source   string  `json:"source"`             // where that fact is from
	Use      string  `json:"use"`                // what the runtime does with it
}

// Usable reports whether the runtime may use the feature: it works and nothing
// speaks against it.
func (f Feature) Usable() bool { return f.State == Yes && f.Off == "" }

// How names the way in which a feature was found out.
type How string

// From the surest to the least sure.
const (
	ByRoundTrip How = "round trip" // the operation ran and did what it should
	ByRegister  How = "register"   // io_uring_register took it
	BySetup     How = "setup"      // io_uring_setup took the flag
	ByFeatures  How = "features"   // io_uring_params.features has the bit
	ByOpcode    How = "opcode"     // IORING_REGISTER_PROBE lists the operation
	ByQuery     How = "query"      // IORING_REGISTER_QUERY knows of it
)

// Op is one operation code of the kernel's ABI.
type Op struct {
	Code  int     `json:"code"`
	Name  string  `json:"name"` // without the prefix IORING_OP_
	State State   `json:"state"`
	Since Version `json:"since"`
}

// Hint is something that the operator can do, with the words to do it.
type Hint struct {
	ID string `json:"id"`
	// Fix marks the hint that would make io_uring usable.
	Fix  bool   `json:"fix,omitempty"`
	For  string `json:"for"` // docker, kubernetes, systemd, sysctl, …
	Text string `json:"text"`
}

// Feature returns the feature with this id.
func (r *Report) Feature(id string) (Feature, bool) {
	for _, f := range r.Features {
		if f.ID == id {
			return f, true
		}
	}
	return Feature{}, false
}

// Gate returns the gate with this id.
func (r *Report) Gate(id string) (Gate, bool) {
	for _, g := range r.Gates {
		if g.ID == id {
			return g, true
		}
	}
	return Gate{}, false
}

// LogValue groups what an operator wants in a log line: the kernel, the container
// and the cause if io_uring is blocked. It implements slog.LogValuer.
func (r *Report) LogValue() slog.Value {
	if r == nil {
		return slog.Value{}
	}
	attrs := []slog.Attr{
		slog.String("os", r.Host.OS),
		slog.String("kernel", r.Host.Release),
	}
	if r.Host.Container != "" {
		attrs = append(attrs, slog.String("container", r.Host.Container))
	}
	if b := r.Block; b != nil {
		attrs = append(attrs, slog.String("blocked", b.Reason), slog.String("cause", string(b.Cause)))
	}
	return slog.GroupValue(append(attrs, slog.Duration("took", r.Elapsed))...)
}
