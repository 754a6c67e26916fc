package runtime

import (
	"io/fs"
	"net"

	"github.com/headrace/headrace/runtime/driver"
)

// WithProbeFS has ring/probe read another file system.
func (c *Config) WithProbeFS(root fs.FS) *Config {
	c.probeFS = root
	return c
}

// OpenRuns is how many runs of datagrams can grow at once: one for all peers whose ports
// are the same modulo this.
const OpenRuns = openRuns

// DialPacketAddrs is DialPacket to addresses that have been looked up.
func (l *Loop) DialPacketAddrs(cfg *PacketConfig, network string, addrs []net.Addr, done PacketDialFunc) {
	d := &packetDial{loop: l, cfg: *cfg, network: network, done: done}
	d.ext = driver.Ext{Local: cfg.LocalAddr, Control: cfg.control()}
	d.op = driver.Op{Code: driver.Connect, Owner: d, Ext: &d.ext}
	l.others[d] = struct{}{}
	d.begin(addrs, nil)
}

// FullSoFar is how many bytes of a RecvFull in progress the connection knows of.
func (c *Conn) FullSoFar() int {
	if !c.receivingFull() {
		return 0
	}
	return c.more.full.n
}
