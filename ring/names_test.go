//go:build linux

package ring

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestOpNames(t *testing.T) {
	require.Equal(t, "NOP", OpNop.String())
	require.Equal(t, "SEND_ZC", OpSendZC.String())
	require.Equal(t, "PIPE", OpPipe.String())
	require.Equal(t, "OP_63", (OpPipe + 1).String())
	require.Empty(t, (OpPipe + 1).Since())
	require.Equal(t, 63, opCount)
	seen := map[string]bool{}
	for op := range Op(opCount) {
		require.NotEmpty(t, op.String())
		require.False(t, seen[op.String()], "%v", op)
		seen[op.String()] = true
	}
}

// TestOpSince: opcodes are only ever appended, so the first kernels can not go back.
func TestOpSince(t *testing.T) {
	last := 0
	for op := range Op(opCount) {
		major, minor, ok := strings.Cut(op.Since(), ".")
		require.True(t, ok, "%v", op)
		a, err := strconv.Atoi(major)
		require.NoError(t, err)
		b, err := strconv.Atoi(minor)
		require.NoError(t, err)
		require.GreaterOrEqual(t, a*100+b, last, "%v", op)
		last = a*100 + b
	}
}

func TestFlagNames(t *testing.T) {
	for want, got := range map[string]fmt.Stringer{
		"0":                           SetupFlags(0),
		"SINGLE_ISSUER|DEFER_TASKRUN": SetupSingleIssuer | SetupDeferTaskrun,
		"IOPOLL|CQE_MIXED|0x80000000": SetupIOPoll | SetupCQEMixed | 1<<31,
		"SINGLE_MMAP|NO_IOWAIT":       FeatSingleMmap | FeatNoIOWait,
		"GETEVENTS|NO_IOWAIT":         EnterGetEvents | EnterNoIOWait,
		"FIXED_FILE|CQE_SKIP_SUCCESS": SQEFixedFile | SQECQESkipSuccess,
		"MORE|NOTIF":                  CQEMore | CQENotif,
		"BUFFER=7|MORE":               CQEBuffer | CQEMore | 7<<16,
		"BUFFER=0":                    CQEBuffer,
		"SKIP|32":                     CQESkip | CQE32,
		"REGISTER_BUFFERS":            RegisterBuffers,
		"REGISTER_QUERY":              RegisterQuery,
		"UNREGISTER_PBUF_RING":        UnregisterPBufRing,
		"REGISTER_36":                 RegisterQuery + 1,
	} {
		require.Equal(t, want, got.String())
	}
}

func TestCQEMethods(t *testing.T) {
	c := CQE{Flags: CQEBuffer | CQEMore | CQEBufMore | CQESockNonempty | 0xfffe<<16}
	require.True(t, c.HasBuffer() && c.More() && c.BufMore() && c.SockNonempty())
	require.False(t, c.Notif())
	require.Equal(t, uint16(0xfffe), c.BufferID())
	require.True(t, CQE{Flags: CQENotif}.Notif())
	require.False(t, CQE{}.HasBuffer())
}

func TestErrnoTables(t *testing.T) {
	for name, table := range map[string][]errnoMeaning{"setup": setupErrnos[:], "enter": enterErrnos[:]} {
		seen := map[error]bool{}
		for _, line := range table {
			require.False(t, seen[line.errno], "%s: %v twice", name, line.errno)
			seen[line.errno] = true
			require.NotEmpty(t, line.meaning, "%s: %v", name, line.errno)
			require.Equal(t, line.meaning, meaningIn(table, fmt.Errorf("wrapped: %w", line.errno)))
		}
	}
	require.Contains(t, EnterMeaning(unix.EEXIST), "thread")
	require.Contains(t, SetupMeaning(unix.EPERM), "seccomp")
	require.Empty(t, EnterMeaning(unix.EDOM))
	require.Empty(t, EnterMeaning(errors.New("other")))
	require.Empty(t, SetupMeaning(nil))
}
