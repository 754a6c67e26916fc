//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/.ci/kernels/guest"
)

var mounts = []struct{ fstype, target, options string }{
	{"proc", "/proc", ""},
	{"sysfs", "/sys", ""},
	{"devtmpfs", "/dev", ""},
	{"tmpfs", "/dev/shm", ""},
	{"tmpfs", "/tmp", "mode=1777"},
}

// setup makes the guest look like the Linux machine that tests expect.
func setup() error {
	for _, m := range mounts {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return err
		}
		err := unix.Mount(m.fstype, m.target, m.fstype, 0, m.options)
		// A kernel with CONFIG_DEVTMPFS_MOUNT has been here before.
		if err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	if err := os.Symlink("/proc/self/fd", "/dev/fd"); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	files := unix.Rlimit{Cur: 1 << 16, Max: 1 << 16}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("setrlimit: %w", err)
	}
	if err := unix.Sethostname([]byte("guest")); err != nil {
		return fmt.Errorf("sethostname: %w", err)
	}
	loadModules()
	return linkUp("lo")
}

// loadModules loads what the kernel was packed with. What will not load, a test that
// wants it tells of.
func loadModules() {
	for _, name := range packed() {
		if err := loadModule(name); err != nil {
			fmt.Println("init:", name, err)
		}
	}
}

func loadModule(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.FinitModule(int(f.Fd()), "", 0)
}

// linkUp sets IFF_UP; on the loopback device the kernel then adds 127.0.0.1 and ::1 by itself.
func linkUp(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, ifr); err != nil {
		return fmt.Errorf("flags of %s: %w", name, err)
	}
	ifr.SetUint16(ifr.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("bring %s up: %w", name, err)
	}
	return nil
}

// packed are the modules' files, in the order to load them.
func packed() []string {
	names, _ := filepath.Glob("/" + guest.ModulesPath + "/*.ko") // sorted
	return names
}

// modulesEnv tells jobs which modules there must be, and may not be missed.
func modulesEnv() string {
	var names []string
	for _, path := range packed() {
		_, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".ko"), "-")
		names = append(names, name)
	}
	return guest.ModulesEnv + "=" + strings.Join(names, " ")
}
