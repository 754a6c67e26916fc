package main

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"time"
)

const (
	datagramHead = 8    // the number of the datagram
	datagramMost = 1400 // bytes behind it
	// datagramWait is how long an answer may take before the datagram counts as lost,
	// as datagrams can be, and is sent again; datagramTries is how often.
	datagramWait  = time.Second
	datagramTries = int(patience / datagramWait)
)

// datagrams has some datagrams sent back, one after the other. They may be lost, and
// come late; what comes must be one that was sent, whole.
func (c *client) datagrams(name string) error {
	conn, err := net.Dial("udp", c.fleet.byName[name].addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	sizes := make([]int, 1+c.r.IntN(50))
	middle := c.r.IntN(len(sizes))
	for i := range sizes {
		sizes[i] = c.r.IntN(datagramMost)
		if i == middle {
			switch c.manner {
			case stalling:
				c.rest(time.Duration(c.r.IntN(300)) * time.Millisecond)
			case resets, vanishes: // what is on its way finds nobody
				_, err = conn.Write(c.datagram(i, sizes[i]))
				return errors.Join(err, errRude)
			}
		}
		if err := c.sentBack(name, conn, i, sizes); err != nil {
			return err
		}
	}
	return nil
}

// datagram makes the datagram with number i.
func (c *client) datagram(i, size int) []byte {
	p := binary.BigEndian.AppendUint64(nil, uint64(i))
	p = append(p, make([]byte, size)...)
	pattern(c.stream, int64(i)*datagramMost, p[datagramHead:])
	return p
}

// sentBack sends datagram i until it comes back.
func (c *client) sentBack(name string, conn net.Conn, i int, sizes []int) error {
	for range datagramTries {
		if _, err := conn.Write(c.datagram(i, sizes[i])); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(datagramWait)); err != nil {
			return err
		}
		for {
			got, err := c.answer(name, conn, i, sizes)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil || got == i {
				return err
			}
		}
	}
	return wrong("%s: datagram %d did not come back in %v", name, i, patience)
}

// answer receives a datagram, looks at it and returns its number.
func (c *client) answer(name string, conn net.Conn, last int, sizes []int) (int, error) {
	var buf, scratch [datagramHead + datagramMost + 1]byte
	n, err := conn.Read(buf[:])
	if err != nil {
		return 0, err
	}
	if n < datagramHead {
		return 0, wrong("%s: a datagram of %d bytes", name, n)
	}
	number := binary.BigEndian.Uint64(buf[:])
	if number > uint64(last) || n != datagramHead+sizes[number] {
		return 0, wrong("%s: a datagram of %d bytes with the number %d, and the last is %d", name, n, number, last)
	}
	return int(number), c.check(c.stream, int64(number)*datagramMost, buf[datagramHead:n], scratch[:])
}
