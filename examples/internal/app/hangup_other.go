//go:build !unix

package app

import "os"

// onHangup returns what never receives anything.
func onHangup() (hangup <-chan os.Signal, stop func()) { return nil, func() {} }
