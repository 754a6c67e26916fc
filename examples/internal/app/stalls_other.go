//go:build !linux

package app

import "time"

func ownThread() int                 { return 0 }
func threadWaited(int) time.Duration { return 0 }
