package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"time"
)

// selfTest sends streams of several sizes through the server, on some connections
// at once, and compares what comes back.
func selfTest(addr net.Addr) error {
	const conns = 20
	errs := make(chan error, conns)
	for i := range conns {
		go func() { errs <- roundTrip(addr, i*i*i*100+1) }()
	}
	var first error
	for range conns {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func roundTrip(addr net.Addr, size int) error {
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	sent := make([]byte, size)
	for i := range sent {
		sent[i] = byte(i * 7 >> 3)
	}
	wrote := make(chan error, 1)
	go func() {
		_, err := c.Write(sent)
		if err == nil {
			err = c.(interface{ CloseWrite() error }).CloseWrite()
		}
		wrote <- err
	}()
	got, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	if err := <-wrote; err != nil {
		return err
	}
	if !bytes.Equal(sent, got) {
		return fmt.Errorf("%d bytes came back of %d, or other ones", len(got), size)
	}
	return nil
}
