//go:build !unix

package stdnet

import "errors"

func duplicateDescriptor(uintptr) (int, error) { return -1, errors.ErrUnsupported }

func closeDescriptor(int) {}
