//go:build !unix

package portable

import "net"

// nowWriter has no way to write without a wait here.
type nowWriter struct{}

func (nowWriter) init(net.Conn) {}

func (nowWriter) write([]byte) (int, error) { return 0, nil }
