package probe

import (
	"fmt"
	"strconv"
	"syscall"
)

// Errno is a kernel error number whose text and JSON form are the number's name.
// The zero value means none.
type Errno syscall.Errno

// The errors that the three calls are known to answer with. The numbers differ
// between systems, so the table is built from the names.
var errnoNames = map[syscall.Errno]string{
	syscall.EACCES:          "EACCES",
	syscall.EADDRNOTAVAIL:   "EADDRNOTAVAIL",
	syscall.EAGAIN:          "EAGAIN",
	syscall.EBADF:           "EBADF",
	syscall.EBUSY:           "EBUSY",
	syscall.ECANCELED:       "ECANCELED",
	syscall.ECONNREFUSED:    "ECONNREFUSED",
	syscall.EEXIST:          "EEXIST",
	syscall.EFAULT:          "EFAULT",
	syscall.EINTR:           "EINTR",
	syscall.EINVAL:          "EINVAL",
	syscall.EMFILE:          "EMFILE",
	syscall.ENFILE:          "ENFILE",
	syscall.ENOBUFS:         "ENOBUFS",
	syscall.ENODEV:          "ENODEV",
	syscall.ENOENT:          "ENOENT",
	syscall.ENOMEM:          "ENOMEM",
	syscall.ENOSYS:          "ENOSYS",
	syscall.ENXIO:           "ENXIO",
	syscall.EOPNOTSUPP:      "EOPNOTSUPP",
	syscall.EOVERFLOW:       "EOVERFLOW",
	syscall.EPERM:           "EPERM",
	syscall.EPROTONOSUPPORT: "EPROTONOSUPPORT",
	syscall.ETIMEDOUT:       "ETIMEDOUT",
}

// Err returns the errno as an error, nil for none.
func (e Errno) Err() error {
	if e == 0 {
		return nil
	}
	return syscall.Errno(e)
}

// String returns the name, such as EPERM; an unlisted number is written as
// errno 95; none is empty.
func (e Errno) String() string {
	if e == 0 {
		return ""
	}
	if name, ok := errnoNames[syscall.Errno(e)]; ok {
		return name
	}
	return fmt.Sprintf("errno %d", uintptr(e))
}

// MarshalText gives the JSON form, the same as [Errno.String].
func (e Errno) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads what [Errno.MarshalText] wrote.
func (e *Errno) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*e = 0
		return nil
	}
	for n, name := range errnoNames {
		if name == string(text) {
			*e = Errno(n)
			return nil
		}
	}
	var digits string
	if _, err := fmt.Sscanf(string(text), "errno %s", &digits); err == nil {
		if n, err := strconv.ParseUint(digits, 10, 31); err == nil {
			*e = Errno(n)
			return nil
		}
	}
	return fmt.Errorf("probe: unknown errno %q", text)
}
