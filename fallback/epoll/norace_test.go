//go:build linux && !race && !invariants

package epoll_test

const allocates = false
