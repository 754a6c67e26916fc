package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"time"
)

// selfTest sends bytes through the proxy, whose targets are expected to echo, and
// compares what returns.
func selfTest(addr net.Addr) error {
	const size = 1 << 20
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	sent := bytes.Repeat([]byte("through the proxy and back "), size/27)
	go func() {
		_, _ = c.Write(sent)
		_ = c.(interface{ CloseWrite() error }).CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil {
		return err
	}
	if !bytes.Equal(sent, got) {
		return fmt.Errorf("%d bytes came back of %d, or other ones: -selftest wants a target that echoes",
			len(got), len(sent))
	}
	return nil
}
