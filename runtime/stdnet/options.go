package stdnet

import (
	"net"
	"time"

	"github.com/headrace/headrace/runtime/driver"
)

// option sets a socket option where the connection is.
func (c *conn) option(dress func(string, error) error, std func(socket) error, opts ...value) error {
	return c.do("set", dress, std, func(r *ring) error {
		for _, o := range opts {
			if err := r.rc.SetOption(o.option, o.value); err != nil {
				return system("setsockopt", cause(err))
			}
		}
		return nil
	})
}

type value struct {
	option driver.Option
	value  int
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// SetReadBuffer sets the size of the kernel's receive buffer in bytes.
func (c *conn) SetReadBuffer(bytes int) error {
	return c.option(c.setError, func(s socket) error { return s.SetReadBuffer(bytes) },
		value{driver.ReadBuffer, bytes})
}

// SetWriteBuffer sets the size of the kernel's send buffer in bytes.
func (c *conn) SetWriteBuffer(bytes int) error {
	return c.option(c.setError, func(s socket) error { return s.SetWriteBuffer(bytes) },
		value{driver.WriteBuffer, bytes})
}

// SetNoDelay says whether the kernel sends small packets at once (the default)
// or waits for more (Nagle's algorithm).
func (c *TCPConn) SetNoDelay(noDelay bool) error {
	return c.option(c.opError, func(s socket) error { return s.(*net.TCPConn).SetNoDelay(noDelay) },
		value{driver.NoDelay, boolean(noDelay)})
}

// SetKeepAlive says whether the kernel looks after an idle peer.
func (c *TCPConn) SetKeepAlive(keepalive bool) error {
	return c.option(c.opError, func(s socket) error { return s.(*net.TCPConn).SetKeepAlive(keepalive) },
		value{driver.KeepAlive, boolean(keepalive)})
}

// SetKeepAlivePeriod sets how long a peer is idle before the kernel looks after it.
func (c *TCPConn) SetKeepAlivePeriod(d time.Duration) error {
	std := func(s socket) error { return s.(*net.TCPConn).SetKeepAlivePeriod(d) }
	return c.option(c.opError, std, keepAlive(driver.KeepAliveIdle, d)...)
}

// keepAlive is what package net sets for d: its default for zero, and nothing for less.
func keepAlive(option driver.Option, d time.Duration) []value {
	switch {
	case d < 0:
		return nil
	case d == 0:
		d = 15 * time.Second
	}
	return []value{{option, seconds(d)}}
}

// SetKeepAliveConfig sets all of keep-alive; its fields mean what they mean in
// package net.
func (c *TCPConn) SetKeepAliveConfig(config net.KeepAliveConfig) error {
	const count = 9 // package net's default
	opts := []value{{driver.KeepAlive, boolean(config.Enable)}}
	opts = append(opts, keepAlive(driver.KeepAliveIdle, config.Idle)...)
	opts = append(opts, keepAlive(driver.KeepAliveInterval, config.Interval)...)
	switch {
	case config.Count == 0:
		opts = append(opts, value{driver.KeepAliveCount, count})
	case config.Count > 0:
		opts = append(opts, value{driver.KeepAliveCount, config.Count})
	}
	std := func(s socket) error { return s.(*net.TCPConn).SetKeepAliveConfig(config) }
	return c.option(c.opError, std, opts...)
}

// seconds rounds up, as package net does.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// SetLinger says what Close does with data that is not acknowledged: with a
// negative sec it is sent in the background, with zero it is discarded and the
// peer gets a reset, with a positive one it is sent for so many seconds.
func (c *TCPConn) SetLinger(sec int) error {
	err := c.option(c.opError, func(s socket) error { return s.(*net.TCPConn).SetLinger(sec) },
		value{driver.Linger, sec})
	if err == nil {
		c.mu.Lock()
		if c.flags &^= discards; sec == 0 {
			c.flags |= discards
		}
		c.mu.Unlock()
	}
	return err
}

// MultipathTCP reports whether the connection uses several paths. It does not: it is
// never asked for, and what an inherited listener may have asked for is not told.
func (c *TCPConn) MultipathTCP() (bool, error) { return false, nil }
