//go:build linux

package harness

import (
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
	"strings"

	"golang.org/x/sys/unix"
)

const congestionFile = "/proc/sys/net/ipv4/tcp_congestion_control"

// NewNetwork makes a namespace, which takes CAP_SYS_ADMIN. The error is [os.ErrNotExist] for a congestion
// control that the kernel does not have.
func NewNetwork(congestion string) (*Network, error) {
	n := new(Network)
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		if err := raiseLoopback(); err != nil {
			return fmt.Errorf("raising the interface lo: %w", err)
		}
		if err := os.WriteFile(congestionFile, []byte(congestion), 0); err != nil {
			return err
		}
		var err error
		n.ns, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("harness: a network with the congestion control %s: %w", congestion, err)
	}
	return n, nil
}

func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
}

// Close gives the namespace back, once nothing that was started in it is left.
func (n *Network) Close() error {
	if n == nil {
		return nil
	}
	return n.ns.Close()
}

// Do calls f with the network around it: sockets that f opens, and processes that it starts, are there.
func (n *Network) Do(f func() error) error {
	return onThread(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		return f()
	})
}

// enter moves the calling thread, which must not go back to the scheduler.
func (n *Network) enter() error {
	if n == nil {
		return nil
	}
	return os.NewSyscallError("setns", unix.Setns(int(n.ns.Fd()), unix.CLONE_NEWNET))
}

// Congestion is the congestion control of the network's TCP, empty if that can not be found out.
func (n *Network) Congestion() string {
	var name []byte
	_ = n.Do(func() (err error) {
		name, err = os.ReadFile(congestionFile)
		return err
	})
	return strings.TrimSpace(string(name))
}

// onThread calls f on a thread of its own, which is thrown away: it can not be given back as it was.
func onThread(f func() error) error {
	err := errors.New("harness: the thread ended")
	done := make(chan struct{})
	go func() {
		defer close(done)
		goruntime.LockOSThread() // and never unlock: the thread ends with the goroutine
		err = f()
	}()
	<-done
	return err
}
