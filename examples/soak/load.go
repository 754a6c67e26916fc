package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load is the clients.
type load struct {
	fleet *fleet
	seed  uint64

	visits  atomic.Uint64 // of clients
	rude    atomic.Uint64 // of these, those that went before their time
	checked atomic.Int64  // bytes
	visit   atomic.Uint64 // numbers visits
}

// errWrong is a byte, an answer or an end that should not be.
var errWrong = errors.New("wrong")

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errWrong, fmt.Errorf(format, args...))
}

// manner is how a client behaves.
type manner uint8

const (
	polite   manner = iota // does all and takes all
	stalling               // rests in between
	resets                 // goes in the middle, with a reset
	vanishes               // goes in the middle without a word, for a while
	manners
)

// client is one visit.
type client struct {
	*load
	ctx    context.Context
	r      *rand.Rand
	manner manner
	stream uint64 // whose pattern it sends
}

// patience is how long a client waits for a server that should answer.
const patience = 30 * time.Second

// visitors are what clients do, by turns.
var visitors = []func(c *client) error{
	func(c *client) error { return c.echo("echo handler") },
	func(c *client) error { return c.echo("echo fiber") },
	func(c *client) error { return c.echo("echo stdnet") },
	func(c *client) error { return c.echo("proxy") },
	func(c *client) error { return c.datagrams("echo udp") },
	func(c *client) error { return c.datagrams("echo udp fiber") },
	func(c *client) error { return c.download("fileserver") },
	func(c *client) error { return c.download("fileserver https") },
	(*client).upload,
	func(c *client) error { return c.hello("httphello net/http") },
	func(c *client) error { return c.hello("httphello fiber") },
}

// run lets n clients come and go until ctx is done, or something is wrong.
func (l *load) run(ctx context.Context, n int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, n)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := l.one(ctx, nil); err != nil {
					errs <- err
					cancel()
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	return <-errs // the first of them, or nil
}

// one is one visit: of everybody's kind, or of a polite one to one server.
func (l *load) one(ctx context.Context, where func(*client) error) error {
	n := l.visit.Add(1)
	c := &client{load: l, ctx: ctx, r: rand.New(rand.NewPCG(l.seed, n)), stream: n}
	if where == nil {
		where = visitors[c.r.IntN(len(visitors))]
		if c.r.IntN(3) == 0 {
			c.manner = manner(1 + c.r.IntN(int(manners)-1))
		}
	}
	err := where(c)
	l.visits.Add(1)
	switch {
	case errors.Is(err, errWrong):
		return fmt.Errorf("visit %d: %w", n, err)
	case err == errRude, c.manner == resets, c.manner == vanishes:
		l.rude.Add(1)
		return nil
	case err != nil && ctx.Err() == nil:
		return fmt.Errorf("visit %d: %w", n, err)
	}
	return nil
}

// errRude ends the visit of a client that goes before its time.
var errRude = errors.New("gone")

// warmUp visits every server.
func (l *load) warmUp() error {
	all := slices.Clone(visitors)
	for file := range fileSizes { // the server keeps what it has opened
		for _, name := range []string{"fileserver", "fileserver https"} {
			all = append(all, func(c *client) error { return c.downloadThese(name, []int{file}) })
		}
	}
	for _, where := range all {
		if err := l.one(context.Background(), where); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) summary(took time.Duration) string {
	return fmt.Sprintf("visits=%d rude=%d checked_mib=%d seconds=%.0f",
		l.visits.Load(), l.rude.Load(), l.checked.Load()>>20, took.Seconds())
}

// dial connects to a server.
func (c *client) dial(name string) (*net.TCPConn, error) {
	conn, err := net.DialTimeout("tcp", c.fleet.byName[name].addr, patience)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), conn.SetDeadline(time.Now().Add(patience))
}

// between is called in the middle of what a client does on a connection.
func (c *client) between(conn *net.TCPConn) error {
	switch c.manner {
	case stalling:
		c.rest(time.Duration(c.r.IntN(300)) * time.Millisecond)
	case resets:
		_ = conn.SetLinger(0)
		conn.Close()
		return errRude
	case vanishes:
		c.rest(time.Duration(c.r.IntN(2000)) * time.Millisecond)
		_ = conn.SetLinger(0) // what comes now is nobody's
		conn.Close()
		return errRude
	}
	return nil
}

// rest waits, or until the run ends.
func (c *client) rest(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c.ctx.Done():
	case <-t.C:
	}
}

// size is how much a client moves: mostly little.
func (c *client) size() int64 {
	return 1 + c.r.Int64N([]int64{100, 100, 5_000, 50_000, 1 << 20}[c.r.IntN(5)])
}

// pattern fills p with a stream's bytes from off.
func pattern(stream uint64, off int64, p []byte) {
	const odd = 0x9e3779b97f4a7c15
	var word [8]byte
	for n := 0; n < len(p); {
		at := off + int64(n)
		x := (stream*odd ^ uint64(at/8)) * odd
		binary.LittleEndian.PutUint64(word[:], x^x>>32)
		n += copy(p[n:], word[at%8:])
	}
}

// check holds p against the stream's bytes from off.
func (c *client) check(stream uint64, off int64, p, scratch []byte) error {
	pattern(stream, off, scratch[:len(p)])
	for i := range p {
		if p[i] != scratch[i] {
			return wrong("byte %d of stream %d is %#x and not %#x", off+int64(i), stream, p[i], scratch[i])
		}
	}
	c.checked.Add(int64(len(p)))
	return nil
}
