//go:build unix && !linux && !aix && !solaris

package buffers

func adviseNoFork([]byte) {}
