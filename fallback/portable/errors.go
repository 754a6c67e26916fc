package portable

import (
	"errors"
	"io/fs"
	"net"
	"os"
)

// bare takes off what package net and os wrap around an error: the contract
// wants the errno, and the runtime wraps it in words of its own.
func bare(err error) error {
	for {
		switch e := err.(type) {
		case *net.OpError:
			err = e.Err
		case *os.SyscallError:
			err = e.Err
		case *fs.PathError:
			err = e.Err
		default:
			return err
		}
	}
}

// timedOut tells a deadline's error, the trace of a Cancel.
func timedOut(err error) bool {
	return err != nil && errors.Is(err, os.ErrDeadlineExceeded)
}
