package runtime

import "io/fs"

// WithProbeFS has ring/probe read another file system.
func (c *Config) WithProbeFS(root fs.FS) *Config {
	c.probeFS = root
	return c
}
