package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// selfTest sends datagrams of several sizes from some sockets at once, and compares
// what comes back.
func selfTest(addr net.Addr) error {
	const peers = 8
	errs := make(chan error, peers)
	for i := range peers {
		go func() { errs <- roundTrips(addr, i) }()
	}
	var all []error
	for range peers {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

func roundTrips(addr net.Addr, peer int) error {
	c, err := dial(addr, peer)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	got := make([]byte, longest)
	for n := range 100 {
		sent := make([]byte, 1+n*n)
		for i := range sent {
			sent[i] = byte(i*7>>3 + n + peer)
		}
		if _, err := c.Write(sent); err != nil {
			return err
		}
		k, err := c.Read(got)
		if err != nil {
			return err
		}
		if string(sent) != string(got[:k]) {
			return fmt.Errorf("%d bytes came back of %d, or other ones", k, len(sent))
		}
	}
	return nil
}

// dial connects a socket. A Unix one needs a name, to be answered at.
func dial(addr net.Addr, peer int) (net.Conn, error) {
	to, ok := addr.(*net.UnixAddr)
	if !ok {
		return net.Dial(addr.Network(), addr.String())
	}
	name := filepath.Join(filepath.Dir(to.Name), fmt.Sprintf("udpecho-%d-%d", os.Getpid(), peer))
	c, err := net.DialUnix("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"}, to)
	if err != nil {
		return nil, err
	}
	return named{c, name}, nil
}

// named removes its socket's file at the end.
type named struct {
	net.Conn
	name string
}

func (n named) Close() error { return errors.Join(n.Conn.Close(), os.Remove(n.name)) }
