// Package peers holds what the benchmark's Go servers share: the flags they are started with and the
// one line with which a server tells the harness that it listens.
//
// Each subfolder is one library in the style its own documentation recommends for speed, with every
// byte accounted for: a short write is always finished, in order.
package peers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	goruntime "runtime"
	"sync/atomic"
	"syscall"
)

// Config is what the harness tells a server. Addr may carry port 0.
type Config struct {
	Addr  string // where to listen, host:port
	To    string // proxy: where to connect, host:port
	Root  string // static: the folder that is served
	Cert  string // https: PEM files
	Key   string
	Dir   string // upload: the folder that is written
	Loops int    // event loops, or 0 for the library's default
	Size  int    // the message size of the scenario, a hint for buffer sizes
}

// Serve runs one scenario of one library until the process is told to stop.
type Serve func(Config) error

// Announce prints the line that tells the harness where the server listens. Every server prints it
// once, when a connection would be accepted.
func Announce(addr net.Addr, backend string, loops int) {
	before.Store(mallocs())
	fmt.Fprintf(os.Stdout, "listening addr=%s backend=%s loops=%d\n", addr, backend, loops)
}

// before is what was allocated before the announcement.
var before atomic.Uint64

// mallocs is how many objects the process has allocated.
func mallocs() uint64 {
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	return m.Mallocs
}

// Listen opens a plain TCP listener: multipath TCP, the default of net.Listen since Go 1.24, is off,
// since it costs the std peers throughput that the others do not pay.
func Listen(addr string) (net.Listener, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	return lc.Listen(context.Background(), "tcp", addr)
}

// FreeAddr replaces port 0 in addr by a port that was free a moment ago, for libraries that can not
// tell which port they got.
func FreeAddr(addr string) (string, error) {
	ln, err := Listen(addr)
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// Stopped returns a channel that is closed on SIGINT or SIGTERM, when the server has said how many objects
// it allocated since it announced itself. Call it before Announce: from the announcement on, the harness
// may stop the server at any moment.
func Stopped() <-chan struct{} {
	signals, stopped := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		fmt.Fprintf(os.Stdout, "served mallocs=%d\n", mallocs()-before.Load())
		close(stopped)
	}()
	return stopped
}

// StaticAddr is a net.Addr made from text, for libraries that report no address of their own.
type StaticAddr string

// Network is "tcp".
func (StaticAddr) Network() string { return "tcp" }

// String returns host:port.
func (a StaticAddr) String() string { return string(a) }

// ReadBuffer is the kernel's receive queue of datagram servers: as long as the system allows, so that
// what all clients have in flight fits. The project's udpecho has it as -buffer.
const ReadBuffer = 4 << 20

// HelloBody is what every hello server answers, the project's httphello example included.
const HelloBody = "Hello, World!\n"
