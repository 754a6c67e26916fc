// Package harness starts servers and load generators as pinned processes, runs one measurement at a
// time and leaves nothing behind: every process has its own group, and the group is ended by its id.
package harness

import (
	"errors"
	"os"
	"time"
)

// Cores says where the processes of a measurement run; with one core in the machine they share it.
type Cores struct {
	Server []int
	Client []int
	Nice   int // priority of both
	Net    *Network
}

// Seat is where and with which priority one process runs.
type Seat struct {
	Cores []int
	Nice  int
	Net   *Network
}

// Network is a network namespace with nothing but loopback, for servers and generators: its
// TCP has the congestion control that was asked for. What a machine is set to decides more than
// the servers do where much is sent: with BBR each of them waits for pacing timers, and 64 MiB
// take three times as long as with the kernel's own default.
//
// The nil Network is the machine's own.
type Network struct{ ns *os.File }

// ForServer is the server's seat.
func (c Cores) ForServer() Seat { return Seat{c.Server, c.Nice, c.Net} }

// ForClient is the seat of the load generator, and of what stands behind a proxy.
func (c Cores) ForClient() Seat { return Seat{c.Client, c.Nice, c.Net} }

// Command is how a server is started. In Args and Config, {addr}, {port}, {size}, {buffer}, which is
// {size} but 4 to 64 KiB, {loops}, {to}, {root} and {dir} are replaced. Config, when set, is written to
// a file in a folder of its own: {config} names the file and {tmp} the folder.
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
