package probe

import (
	"encoding/json"
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestErrnoText(t *testing.T) {
	for e, text := range map[Errno]string{
		0:                     "",
		Errno(syscall.EPERM):  "EPERM",
		Errno(syscall.ENOSYS): "ENOSYS",
		Errno(syscall.EINTR):  "EINTR",
		Errno(7777):           "errno 7777",
	} {
		require.Equal(t, text, e.String())
		out, err := json.Marshal(e)
		require.NoError(t, err)
		var back Errno
		require.NoError(t, json.Unmarshal(out, &back))
		require.Equal(t, e, back)
	}
	var e Errno
	require.Error(t, e.UnmarshalText([]byte("EWHATEVER")))
	require.Error(t, e.UnmarshalText([]byte("errno minus")))
	require.True(t, errors.Is(Errno(syscall.EPERM).Err(), syscall.EPERM))
	require.NoError(t, Errno(0).Err())
}

func TestStateText(t *testing.T) {
	for _, s := range []State{Unknown, Yes, No} {
		text, err := s.MarshalText()
		require.NoError(t, err)
		var back State
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, s, back)
	}
	var s State
	require.Error(t, s.UnmarshalText([]byte("maybe")))
	require.Equal(t, "State(9)", State(9).String())
}
