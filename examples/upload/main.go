// Command upload takes files over HTTP/1.1: PUT writes the body to disk as it comes,
// through a bounded window of memory, and can be resumed after a break.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/headrace/headrace/examples/internal/app"
	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/fiber"
)

func main() { app.Main("upload", run) }

// limits are what a client may ask of the server at most.
type limits struct {
	size    int64         // bytes of a file
	uploads int64         // at the same time
	header  int           // bytes
	idle    time.Duration // between requests
	slow    time.Duration // for a header, and without a byte of a body
	rate    int64         // bytes per second that a body comes with at least
}

func (l *limits) register() {
	flag.Int64Var(&l.size, "max", 16<<30, "largest file in `bytes`")
	flag.Int64Var(&l.uploads, "uploads", 1000, "how many uploads may run at the same time")
	flag.IntVar(&l.header, "header", 16<<10, "largest request header in `bytes`, below 256 KiB")
	flag.DurationVar(&l.idle, "idle", time.Minute, "how long a connection may wait between requests; 0 for ever")
	flag.DurationVar(&l.slow, "slow", 30*time.Second,
		"how long a header may take, or a body rest; 0 for ever, however slow the upload")
	flag.Int64Var(&l.rate, "rate", 1<<10, "slowest upload in `bytes` per second, after the time of -slow; 0 for any")
}

func (l *limits) validate() error {
	const mostHeader = 256 << 10
	switch {
	case l.size <= 0, l.uploads <= 0:
		return errors.New("-max and -uploads are to be positive")
	case l.rate < 0:
		return errors.New("-rate can not be negative")
	case l.header <= 0 || l.header >= mostHeader:
		return fmt.Errorf("-header is %d, and must be between 1 and %d", l.header, mostHeader-1)
	}
	return nil
}

func run() error {
	var flags app.Flags
	var max limits
	flags.Register("127.0.0.1:8081")
	dir := flag.String("dir", ".", "`folder` to write to")
	sync := flag.Bool("sync", true, "flush a file to its device before it is answered")
	digest := flag.Bool("digest", true, "answer with the SHA-256 of a file; else only where the client sent one")
	max.register()
	if err := flags.Parse(); err != nil {
		return err
	}
	if err := max.validate(); err != nil {
		return err
	}
	files, err := openStore(*dir)
	if err != nil {
		return err
	}
	defer files.close()
	rt, err := flags.Runtime(&runtime.Config{WriteTimeout: max.slow})
	if err != nil {
		return err
	}
	defer rt.Close()
	app.SpareProcessor(rt)

	s := &server{rt: rt, files: files, max: max, sync: *sync, digest: *digest, progress: newProgress(os.Stderr)}
	ln, err := flags.Listen(rt, fiber.Serve(s.serve))
	if err != nil {
		return err
	}
	w := app.Server{Runtime: rt, Addr: ln.Addr(), Drain: flags.Drain, Listener: ln}
	if flags.Check {
		w.Check = func() error { return selfTest("http://" + ln.Addr().String()) }
	}
	err = w.Wait(os.Stdout)
	_, printed := fmt.Fprintf(os.Stdout, "uploads complete=%d partial=%d refused=%d bytes=%d\n",
		s.complete.Load(), s.partial.Load(), s.refused.Load(), s.bytes.Load())
	return errors.Join(err, printed)
}
