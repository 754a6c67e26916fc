//go:build linux

package ring

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// errnoMeaning is one line of an errno table.
type errnoMeaning struct {
	errno   syscall.Errno
	meaning string
}

// setupErrnos says what io_uring_setup(2) means by an errno.
var setupErrnos = [...]errnoMeaning{
	{unix.EPERM, "denied: seccomp filter, sysctl kernel.io_uring_disabled, or a security module"},
	{unix.EACCES, "denied by a security module"},
	{unix.ENOSYS, "kernel without io_uring, or a sandbox that hides it"},
	{unix.EINVAL, "flag, flag combination or size that this kernel does not take"},
	{unix.ENOMEM, "no memory, or over RLIMIT_MEMLOCK"},
	{unix.EMFILE, "process has no descriptor left"},
	{unix.ENFILE, "system has no file left"},
	{unix.EFAULT, "bad address of the parameters"},
	{unix.ENXIO, "ring to share workers with is going away"},
	{unix.EBADF, "ring to share workers with is not open"},
}

// enterErrnos says what io_uring_enter(2) means by an errno.
var enterErrnos = [...]errnoMeaning{
	{unix.ETIME, "timeout passed before enough completions came"},
	{unix.EINTR, "signal came while waiting; enter again"},
	{unix.EAGAIN, "kernel has no memory for requests now; reap, keep all memory alive, submit again"},
	{unix.EBUSY, "completion queue is overflowed; reap, then submit again"},
	{unix.EBADR, "completions were lost for want of memory; fatal for this ring"},
	{unix.EEXIST, "single issuer: another thread owns this ring"},
	{unix.EBADFD, "ring is still disabled; Enable it"},
	{unix.EBADF, "descriptor is closed, or the registered ring is another thread's"},
	{unix.EINVAL, "bad flags or sizes, or a registered ring that is not in this thread's table"},
	{unix.ENXIO, "ring is being torn down"},
	{unix.EOPNOTSUPP, "descriptor is not a ring"},
	{unix.EOWNERDEAD, "kernel's submission thread died"},
	{unix.EFAULT, "bad address of the wait argument"},
	{unix.EPERM, "denied: a seccomp filter that lets setup pass"},
	{unix.ENOSYS, "denied: a sandbox that lets setup pass"},
	{unix.EACCES, "denied by a security module"},
}

// SetupMeaning says in one line what an error of Setup or New means, "" for one that it does not know.
func SetupMeaning(err error) string { return meaningIn(setupErrnos[:], err) }

// EnterMeaning says in one line what an error of Submit, SubmitAndGetEvents or SubmitAndWait means, "" for
// one that it does not know.
func EnterMeaning(err error) string { return meaningIn(enterErrnos[:], err) }

func meaningIn(table []errnoMeaning, err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return ""
	}
	for _, line := range table {
		if line.errno == errno {
			return line.meaning
		}
	}
	return ""
}

// bareErrno strips the wrapping that the iouring-go calls put around an errno.
func bareErrno(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
