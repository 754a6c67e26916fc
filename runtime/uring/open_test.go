//go:build linux

package uring

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestWhileNoMemory: what the kernel has no memory for is asked for again, but not for
// ever.
func TestWhileNoMemory(t *testing.T) {
	for _, tt := range []struct {
		refused int // this often, with ENOMEM
		then    error
		want    error
		calls   int
	}{
		{0, nil, nil, 1},
		{0, unix.EPERM, unix.EPERM, 1},
		{3, nil, nil, 4},
		{2, unix.EINVAL, unix.EINVAL, 3},
		{1000, nil, unix.ENOMEM, 9}, // after 1, 2, 4, …, 64 and 73 ms
	} {
		calls := 0
		err := whileNoMemory(func() error {
			if calls++; calls > tt.refused {
				return tt.then
			}
			return fmt.Errorf("setup: %w", os.NewSyscallError("io_uring_setup", unix.ENOMEM))
		})
		require.ErrorIs(t, err, tt.want)
		require.Equal(t, tt.calls, calls)
	}
}
