//go:build linux

package ring

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func recvMsgBuffer(name, control, payload, flags uint32, rest string) []byte {
	var b []byte
	for _, v := range []uint32{name, control, payload, flags} {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	return append(b, rest...)
}

func TestParseRecvMsg(t *testing.T) {
	msg := &unix.Msghdr{Namelen: 4}
	msg.SetControllen(2)
	m, ok := ParseRecvMsg(recvMsgBuffer(3, 1, 5, 9, "nam.c.hello"), msg)
	require.True(t, ok)
	require.Equal(t, RecvMsg{
		Name: []byte("nam"), Control: []byte("c"), Payload: []byte("hello"), Flags: 9, PayloadLen: 5,
	}, m)

	m, ok = ParseRecvMsg(recvMsgBuffer(99, 99, 99, unix.MSG_TRUNC, "name..he"), msg)
	require.True(t, ok)
	require.Equal(t, "he", string(m.Payload))
	require.Len(t, m.Name, 4)
	require.Len(t, m.Control, 2)
	require.Equal(t, 99, m.PayloadLen)

	for _, short := range []int{0, 15, 16, 21} {
		_, ok = ParseRecvMsg(recvMsgBuffer(0, 0, 0, 0, "name..")[:short], msg)
		require.False(t, ok, "%d bytes", short)
	}
	msg.SetControllen(-1)
	_, ok = ParseRecvMsg(recvMsgBuffer(3, 1, 5, 9, "nam.c.hello"), msg)
	require.False(t, ok, "a template that no kernel took")
}

func FuzzParseRecvMsg(f *testing.F) {
	f.Add(recvMsgBuffer(3, 1, 5, 9, "nam.c.hello"), uint32(4), uint16(2))
	f.Add([]byte{}, uint32(0), uint16(0))
	f.Add(recvMsgBuffer(1<<31, 1<<31, 1<<31, 0, ""), ^uint32(0), ^uint16(0))
	f.Fuzz(func(t *testing.T, buf []byte, nameLen uint32, controlLen uint16) {
		msg := &unix.Msghdr{Namelen: nameLen}
		msg.SetControllen(int(controlLen))
		m, ok := ParseRecvMsg(buf, msg)
		fits := uint64(len(buf)) >= 16+uint64(nameLen)+uint64(controlLen)
		require.Equal(t, fits, ok)
		require.LessOrEqual(t, len(m.Name)+len(m.Control)+len(m.Payload), len(buf))
		require.LessOrEqual(t, uint64(len(m.Name)), uint64(nameLen))
		require.LessOrEqual(t, len(m.Control), int(controlLen))
	})
}
