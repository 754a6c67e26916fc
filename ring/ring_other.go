//go:build !linux

package ring

import (
	"errors"
	"fmt"
)

// Ring is one io_uring instance, which only Linux has.
type Ring struct{ _ struct{} }

var errNotLinux = fmt.Errorf("ring: io_uring is a Linux interface: %w", errors.ErrUnsupported)

// Setup returns an error for which errors.Is(err, errors.ErrUnsupported) holds.
func Setup(uint32, Params) (*Ring, error) { return nil, errNotLinux }

// New returns an error for which errors.Is(err, errors.ErrUnsupported) holds.
func New(uint32, Params) (*Ring, error) { return nil, errNotLinux }

// Close does nothing.
func (r *Ring) Close() error { return nil }

// Query returns an error for which errors.Is(err, errors.ErrUnsupported) holds.
func Query() (QueryOpcodes, error) { return QueryOpcodes{}, errNotLinux }
