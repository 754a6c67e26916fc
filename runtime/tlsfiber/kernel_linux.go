package tlsfiber

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of linux/tls.h.
const (
	tlsTX            = 1 // TLS_TX
	tlsSetRecordType = 1 // TLS_SET_RECORD_TYPE
	tlsVersion13     = 0x0304
	tlsAESGCM128     = 51
	tlsAESGCM256     = 52
)

// kernelTLS asks for the tls module: it takes only connected sockets, and says so
// only if it is there.
func kernelTLS() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptString(fd, unix.SOL_TCP, unix.TCP_ULP, "tls"); err != unix.ENOTCONN {
		return fmt.Errorf("setsockopt TCP_ULP: %w (%w)", err, errors.ErrUnsupported)
	}
	return nil
}

// setKernelTLS gives the sending side of a connected socket to the kernel.
func setKernelTLS(fd uintptr, p params) error {
	if err := unix.SetsockoptString(int(fd), unix.SOL_TCP, unix.TCP_ULP, "tls"); err != nil {
		return fmt.Errorf("setsockopt TCP_ULP: %w", err)
	}
	if err := unix.SetsockoptString(int(fd), unix.SOL_TLS, tlsTX, string(p.cryptoInfo())); err != nil {
		return fmt.Errorf("setsockopt TLS_TX: %w", err)
	}
	return nil
}

// cryptoInfo is a struct tls12_crypto_info_aes_gcm_128, or _256, which TLS 1.3 has
// in common with 1.2: the first four bytes of the nonce go by the name of salt.
func (p *params) cryptoInfo() []byte {
	kind := uint16(tlsAESGCM128)
	if len(p.key) == 32 {
		kind = tlsAESGCM256
	}
	b := binary.NativeEndian.AppendUint16(nil, tlsVersion13)
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, p.iv[4:]...)
	b = append(b, p.key...)
	b = append(b, p.iv[:4]...)
	return binary.BigEndian.AppendUint64(b, p.seq)
}

// sendKernelRecord sends a record that is not application data, without waiting.
func sendKernelRecord(fd uintptr, typ byte, body []byte) error {
	oob := make([]byte, unix.CmsgSpace(1))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
	h.Level, h.Type = unix.SOL_TLS, tlsSetRecordType
	h.SetLen(unix.CmsgLen(1))
	oob[unix.CmsgLen(0)] = typ
	for {
		_, err := unix.SendmsgN(int(fd), body, oob, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return err
		}
	}
}

func wouldBlock(err error) bool { return err == unix.EAGAIN }
