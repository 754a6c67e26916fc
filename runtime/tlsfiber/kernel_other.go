//go:build !linux

package tlsfiber

import "errors"

func kernelTLS() error { return errors.ErrUnsupported }

func setKernelTLS(uintptr, params) error { return errors.ErrUnsupported }

func sendKernelRecord(uintptr, byte, []byte) error { return errors.ErrUnsupported }

func wouldBlock(error) bool { return false }
