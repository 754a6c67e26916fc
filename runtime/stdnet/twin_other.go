//go:build !linux

package stdnet

import "errors"

// canLeave tells whether connections can go from a loop to the netpoller.
const canLeave = false

func (r *ring) twin() (socket, error) { return nil, errors.ErrUnsupported }
