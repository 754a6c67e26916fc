// Package probetest runs a test once more in a child process that may do less: with
// a seccomp filter as container managers install, or without locked memory. It is
// for tests alone.
package probetest
