//go:build !linux

package runtime

import (
	"errors"
	"net"
)

func parsePacketInfo([]byte) PacketInfo { return PacketInfo{} }

func appendPacketInfo(b []byte, _ PacketInfo, _ PacketAddr) []byte { return b }

func askPacketInfo(uintptr, *PacketConfig) error { return errors.ErrUnsupported }

func joinGroup(uintptr, int, net.IP) error { return errors.ErrUnsupported }

func leaveGroup(uintptr, int, net.IP) error { return errors.ErrUnsupported }

func kernelDrops(uintptr) uint64 { return 0 }
