package runtime

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// The environment with which listening sockets are passed on. The first three are
// systemd's (sd_listen_fds(3)); who starts a successor can not know its process ID
// yet, and gives its own in the last one.
const (
	envListenFDs  = "LISTEN_FDS"     // how many, from descriptor 3
	envListenPID  = "LISTEN_PID"     // the process they are for
	envListenName = "LISTEN_FDNAMES" // their names, with colons between
	envListenFrom = "HEADRACE_LISTEN_PPID"
)

// firstListenFD is SD_LISTEN_FDS_START.
const firstListenFD = 3

// ListenFDs returns the listening sockets that this process was given when it was
// started: by systemd's socket activation, or by [HandOver] in a former instance of
// the program. Each is for [Runtime.ListenOn], or all that belong to one address for
// [Runtime.ListenOnEach]; their names are those of LISTEN_FDNAMES.
//
// There are none if the environment names another process. It is cleared, so that
// children are not misled and a second call returns nothing; the descriptors are
// close-on-exec from here on. The caller owns the files.
func ListenFDs() ([]*os.File, error) {
	count, pid, from := os.Getenv(envListenFDs), os.Getenv(envListenPID), os.Getenv(envListenFrom)
	names := strings.Split(os.Getenv(envListenName), ":")
	for _, name := range []string{envListenFDs, envListenPID, envListenName, envListenFrom} {
		if err := os.Unsetenv(name); err != nil {
			return nil, err
		}
	}
	ours := pid == strconv.Itoa(os.Getpid()) || pid == "" && from == strconv.Itoa(os.Getppid())
	if count == "" || !ours {
		return nil, nil
	}
	const most = 1 << 10
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > most {
		return nil, fmt.Errorf("runtime: %s is %q, not a number up to %d", envListenFDs, count, most)
	}
	return inherit(n, names)
}

// inherit makes files of the descriptors.
func inherit(n int, names []string) ([]*os.File, error) {
	var files []*os.File
	for i := range n {
		fd := firstListenFD + i
		if err := closeOnExec(fd); err != nil {
			for _, f := range files {
				f.Close()
			}
			return nil, fmt.Errorf("runtime: descriptor %d of %d that %s promises: %w", i+1, n, envListenFDs, err)
		}
		name := "LISTEN_FD_" + strconv.Itoa(fd)
		if i < len(names) && names[i] != "" {
			name = names[i]
		}
		files = append(files, os.NewFile(uintptr(fd), name))
	}
	return files, nil
}
