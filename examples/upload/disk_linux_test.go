//go:build linux

package main

import (
	"fmt"
	"net/http"
	"os"
	goruntime "runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// smallDisk mounts a tmpfs of size bytes that nobody else sees, in a namespace of one
// thread that ends at once, and returns a name for it that other processes can use.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	target := t.TempDir()
	opened := make(chan error)
	var folder *os.File
	go func() {
		goruntime.LockOSThread() // never unlocked: the thread ends with the goroutine
		opened <- func() (err error) {
			if err = syscall.Unshare(syscall.CLONE_NEWNS | syscall.CLONE_FS); err != nil {
				return err
			}
			if err = syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
				return err
			}
			if err = syscall.Mount("small", target, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
				return err
			}
			folder, err = os.Open(target)
			return err
		}()
	}()
	if err := <-opened; err != nil {
		t.Skipf("no disk of our own: %v", err)
	}
	t.Cleanup(func() { folder.Close() })
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), folder.Fd())
}

// TestDiskFull: the client is told, what is on the disk counts as there, and the
// server goes on.
func TestDiskFull(t *testing.T) {
	const room = 1 << 20
	dir := smallDisk(t, room)
	for _, chunked := range []bool{false, true} {
		s := start(t, "-dir", dir)
		header := []string{"Expect", "100-continue"}
		if !chunked {
			header = append(header, "Content-Length", fmt.Sprint(2*room))
		}
		// A client that still sends when the answer comes may miss it.
		req, err := http.NewRequest(http.MethodPut, "http://"+s.Addr+"/f", pattern(2*room))
		require.NoError(t, err)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		if res, err := s.client.Do(req); err == nil {
			require.Equal(t, http.StatusInsufficientStorage, res.StatusCode)
			res.Body.Close()
		}
		require.Eventually(t, func() bool {
			res, _ := s.do(t, http.MethodHead, "f", nil)
			return res.Header.Get("Upload-Offset") != ""
		}, watchdog, tick)
		res, _ := s.do(t, http.MethodPut, "f", http.NoBody) // gives the room back
		require.Equal(t, http.StatusCreated, res.StatusCode)
		res, _ = s.do(t, http.MethodPut, "g", pattern(room/2))
		require.Equal(t, http.StatusCreated, res.StatusCode)
		require.NoError(t, os.Remove(dir+"/f"))
		require.NoError(t, os.Remove(dir+"/g"))
		require.Contains(t, s.Stop(), "complete=2 partial=1")
	}
}
