//go:build !linux

package uring

import (
	"errors"
	"fmt"

	"github.com/headrace/headrace/runtime/driver"
)

// Open answers that io_uring is Linux's: errors.Is(err, errors.ErrUnsupported).
func Open(*driver.Config) (driver.Engine, error) {
	return nil, fmt.Errorf("uring: not Linux: %w", errors.ErrUnsupported)
}
