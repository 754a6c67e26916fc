//go:build !unix && !windows

package portable

import "errors"

func keepAliveOf(uintptr) (on bool, err error) { return false, errors.ErrUnsupported }
