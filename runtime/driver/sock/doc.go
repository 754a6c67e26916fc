// Package sock is what the two Linux engines share about sockets: making them,
// binding them, naming their peers, and the short calls on descriptors.
//
// Everything works on bare descriptors and returns bare errnos, as the contract
// of package driver asks, except [Listen], whose errors name the system call that
// failed. Nothing here blocks, except where a comment says so. Functions without
// state may be called from any goroutine.
//
// On systems other than Linux the package is empty.
package sock
