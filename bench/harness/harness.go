// Package harness starts servers and load generators as pinned processes, runs one measurement at a
// time and leaves nothing behind: every process has its own group, and the group is ended by its id.
package harness

import (
	"errors"
	"time"
)

// Cores says where the processes of a measurement run; with one core in the machine they share it.
type Cores struct {
	Server []int
	Client []int
	Nice   int // priority of both
}

// Seat is where and with which priority one process runs.
type Seat struct {
	Cores []int
	Nice  int
}

// ForServer is the server's seat.
func (c Cores) ForServer() Seat { return Seat{c.Server, c.Nice} }

// ForClient is the seat of the load generator, and of what stands behind a proxy.
func (c Cores) ForClient() Seat { return Seat{c.Client, c.Nice} }

// Command is how a server is started. In Args and Config, {addr}, {port}, {size}, {loops}, {to},
// {root} and {dir} are replaced. Config, when set, is written to a file in a folder of its own:
// {config} names the file and {tmp} the folder.
type Command struct {
	Args   []string
	Env    []string
	Config string
}

// Params fills the placeholders of a Command.
type Params struct {
	Size  int
	Loops int
	To    string
	Root  string
	Dir   string
}

// Errors of a measurement.
var (
	// ErrStart reports a server that ended, or never listened, before the first connection.
	ErrStart = errors.New("harness: the server did not start")
	// ErrCrash reports a server that ended while it was measured.
	ErrCrash = errors.New("harness: the server ended during the run")
	// ErrTime reports a load generator that did not finish in its time.
	ErrTime = errors.New("harness: the run took too long")
)

const (
	startTimeout = 8 * time.Second
	stopTimeout  = 3 * time.Second
)
