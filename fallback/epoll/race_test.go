//go:build linux && (race || invariants)

package epoll_test

// allocates: the race detector and the invariants build have memory of their own.
const allocates = true
