//go:build linux

package uring

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/runtime/driver"
)

// hosts are two network namespaces with a cable between them. The test's thread, which
// is locked, moves between them and returns at the end.
type hosts struct {
	t    *testing.T
	here [2]int
}

const hostAddr = "10.213.77.%d"

func newHosts(t *testing.T) *hosts {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil || os.Geteuid() != 0 {
		t.Skip("skip: network namespaces need root and iproute2")
	}
	home := openNamespace(t)
	h := &hosts{t: t}
	t.Cleanup(func() { require.NoError(t, unix.Setns(home, unix.CLONE_NEWNET)) })
	for i := range h.here {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Skip("skip: no network namespace to be had: ", err)
		}
		h.here[i] = openNamespace(t)
	}
	h.ip(0, "link", "add", "near", "type", "veth", "peer", "name", "far")
	h.ip(0, "link", "set", "far", "netns", "/proc/self/fd/3")
	for i, dev := range []string{"near", "far"} {
		h.ip(i, "addr", "add", fmt.Sprintf(hostAddr+"/24", i+1), "dev", dev)
		h.ip(i, "link", "set", dev, "up")
	}
	return h
}

// openNamespace returns the thread's network namespace.
func openNamespace(t *testing.T) int {
	t.Helper()
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func (h *hosts) enter(i int) {
	h.t.Helper()
	require.NoError(h.t, unix.Setns(h.here[i], unix.CLONE_NEWNET))
}

// ip runs a command in namespace i; its descriptor 3 is the second one.
func (h *hosts) ip(i int, args ...string) {
	h.t.Helper()
	h.enter(i)
	other, err := unix.FcntlInt(uintptr(h.here[1]), unix.F_DUPFD_CLOEXEC, 0)
	require.NoError(h.t, err)
	f := os.NewFile(uintptr(other), "netns")
	defer f.Close()
	cmd := exec.Command("ip", args...)
	cmd.ExtraFiles = []*os.File{f}
	out, err := cmd.CombinedOutput()
	require.NoError(h.t, err, "ip %s: %s", strings.Join(args, " "), out)
}

// TestZeroCopyBetweenHosts: sends that leave the host try without a copy, out of
// registered memory. What the kernel then says counts for the next connection, too.
func TestZeroCopyBetweenHosts(t *testing.T) {
	r := newRig(t, nil)
	if !r.feats.sendZC {
		t.Skip("skip: no zero-copy send")
	}
	h := newHosts(t)
	h.enter(1)
	ln, err := net.Listen("tcp", fmt.Sprintf(hostAddr+":0", 2))
	require.NoError(t, err)
	defer ln.Close()
	h.enter(0)
	copied := false
	for range 3 {
		c, err := net.DialTimeout("tcp", ln.Addr().String(), patience)
		require.NoError(t, err)
		s, err := r.Attach(c)
		require.NoError(t, err)
		peer, err := ln.Accept()
		require.NoError(t, err)
		before := r.stats.ZeroCopies
		chain := r.chain(strings.Repeat("zero copy ", 6000))
		want := chain.Bytes()
		o := r.submit(driver.Send, s, func(op *driver.Op) { op.Chain, op.Bulk = chain, true })
		r.until(func() bool { return o.ended })
		require.NoError(t, o.err)
		if copied {
			require.Equal(t, before, r.stats.ZeroCopies, "the way is known to copy")
		} else {
			require.Equal(t, before+1, r.stats.ZeroCopies)
		}
		for _, res := range o.got {
			copied = copied || res.Copied
		}
		require.NoError(t, peer.SetDeadline(time.Now().Add(patience)))
		got := make([]byte, o.n)
		_, err = io.ReadFull(peer, got)
		require.NoError(t, err)
		require.Equal(t, string(want[:o.n]), string(got))
		chain.Release()
		peer.Close()
		r.close(s)
	}
	if r.fixed.segments != nil {
		require.NotZero(t, r.stats.Fixed)
	}
	t.Logf("the kernel copied: %v", copied)
}
