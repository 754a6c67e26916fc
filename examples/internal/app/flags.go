package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"
)

// Parse reads the command line and tells of what no example has a use for: a word that
// belongs to no flag, behind which the flags would go unread, and a negative time.
func Parse() error {
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	var err error
	flag.Visit(func(f *flag.Flag) {
		g, ok := f.Value.(flag.Getter)
		if !ok || err != nil {
			return
		}
		if d, ok := g.Get().(time.Duration); ok && d < 0 {
			err = fmt.Errorf("-%s is %v, and can not be negative", f.Name, d)
		}
	})
	return err
}

// Parse is the package's Parse for programs that have these flags.
func (f *Flags) Parse() error {
	if err := Parse(); err != nil {
		return err
	}
	if _, address := f.Network(); address == "" && f.Addr != "" {
		return errors.New("-addr: unix: wants a path")
	}
	if f.Loops < 1 {
		return fmt.Errorf("-loops is %d, and must be at least 1", f.Loops)
	}
	return nil
}

// Network splits the address into the network and address that Listen takes.
func (f *Flags) Network() (network, address string) {
	if path, ok := strings.CutPrefix(f.Addr, "unix:"); ok {
		return "unix", path
	}
	return "tcp", f.Addr
}

// Deadline is d from now, or none if that is 0.
func Deadline(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// Within returns a context that ends after d, or with ctx alone if that is 0.
func Within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}
