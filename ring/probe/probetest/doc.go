// Package probetest runs a test once more in a child process that may do less: with
// a seccomp filter as container managers install, or without locked memory; and it
// interrupts system calls. It is for tests alone.
package probetest
