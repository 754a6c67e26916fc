//go:build !unix

package runtime

import (
	"errors"
	"fmt"
	"os"
)

var errInherit = fmt.Errorf("runtime: descriptors of a parent process: %w", errors.ErrUnsupported)

func closeOnExec(int) error { return errInherit }

func duplicate(uintptr, string) (*os.File, error) { return nil, errInherit }
