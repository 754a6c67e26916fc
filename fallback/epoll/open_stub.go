//go:build !linux

package epoll

import (
	"errors"
	"fmt"
	goruntime "runtime"

	"github.com/headrace/headrace/runtime/driver"
)

// Open reports that there is no epoll here; errors.Is(err, errors.ErrUnsupported).
func Open(*driver.Config) (driver.Engine, error) {
	return nil, fmt.Errorf("epoll: %s: %w", goruntime.GOOS, errors.ErrUnsupported)
}
