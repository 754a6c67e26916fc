package tlsfiber

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// UseKernelTLS has the kernel encrypt what connections of this configuration send,
// from the first large file on: [Conn.SendFile] then passes files' pages to the
// kernel, and not through the program. It is for TLS 1.3 with AES-GCM over TCP;
// other connections, and all that is received, stay with crypto/tls.
//
// It needs Linux 5.1 with the tls module (tcp(7), TCP_ULP; kernel documentation,
// networking/tls). The error is errors.ErrUnsupported where there is none, and
// nothing changes then. Should the kernel refuse later, connections stay with
// crypto/tls, too.
//
// It is called before the configuration is used, and replaces cfg.TLS by a clone
// with a KeyLogWriter, which is the way that crypto/tls gives out keys; one that was
// set before gets its lines as ever. Three things differ on a connection that has
// gone over. CloseWrite and Close wait for what was written to be with the kernel,
// as close_notify comes after that. A peer that asks for new keys (KeyUpdate) ends
// the connection, since the kernel would go on with the old ones. And Write queues
// plain text.
func (cfg *Config) UseKernelTLS() error {
	if err := kernelTLS(); err != nil {
		return fmt.Errorf("tlsfiber: kernel TLS: %w", err)
	}
	cfg.keys = newKeyLog(cfg.TLS.KeyLogWriter)
	cfg.TLS = cfg.TLS.Clone()
	cfg.TLS.KeyLogWriter = cfg.keys
	return nil
}

// keyLog is a tls.Config's KeyLogWriter. It keeps the secrets of handshakes that
// connections of ours expect, until they take them.
type keyLog struct {
	next io.Writer
	off  atomic.Bool // the kernel refused: don't ask again

	mu      sync.Mutex
	secrets map[[randomLen]byte]sides
}

// sides are the secrets of what client and server send.
type sides struct{ client, server []byte }

// randomLen is the length of a ClientHello's random, by which handshakes are known.
const randomLen = 32

func newKeyLog(next io.Writer) *keyLog {
	return &keyLog{next: next, secrets: map[[randomLen]byte]sides{}}
}

// Write takes a line of the NSS key log format: label, client random, secret.
func (k *keyLog) Write(line []byte) (int, error) {
	k.keep(bytes.Fields(line))
	if k.next != nil {
		return k.next.Write(line)
	}
	return len(line), nil
}

func (k *keyLog) keep(fields [][]byte) {
	var random [randomLen]byte
	if len(fields) != 3 || len(fields[1]) != 2*randomLen {
		return
	}
	client := string(fields[0]) == "CLIENT_TRAFFIC_SECRET_0"
	if !client && string(fields[0]) != "SERVER_TRAFFIC_SECRET_0" {
		return
	}
	secret := make([]byte, hex.DecodedLen(len(fields[2])))
	_, err := hex.Decode(random[:], fields[1])
	if _, err2 := hex.Decode(secret, fields[2]); err != nil || err2 != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	s, expected := k.secrets[random]
	if !expected {
		return
	}
	if client {
		s.client = secret
	} else {
		s.server = secret
	}
	k.secrets[random] = s
}

// expect has the secrets of a handshake kept.
func (k *keyLog) expect(random [randomLen]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, twice := k.secrets[random]; !twice { // we may be at both ends
		k.secrets[random] = sides{}
	}
}

// take returns what was kept of a handshake, and forgets it.
func (k *keyLog) take(random [randomLen]byte) sides {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.secrets[random]
	delete(k.secrets, random)
	return s
}

// handshaken takes what the connection needs to go over to the kernel later. It is
// called after failed handshakes, too: their secrets are to be forgotten.
func (c *Conn) handshaken(failed bool) {
	k := c.t.kernel
	if k == nil {
		return
	}
	s := c.cfg.keys.take(k.random)
	if k.secret = s.server; c.client {
		k.secret = s.client
	}
	state := c.tls.ConnectionState()
	k.suite = state.CipherSuite
	if failed || k.secret == nil || state.Version != tls.VersionTLS13 || gcmKeyLen(k.suite) == 0 {
		c.t.kernel = nil
	}
}

// kernelLeast is the least of a file that is worth going over for. The first piece
// is crypto/tls's in any case: its last record tells whether the keys are right.
const kernelLeast = 4 * fileRead

// goOver hands the sending of a connection to the kernel, between two records. It
// reports whether the rest is the kernel's; if not, nothing has changed.
func (c *Conn) goOver() bool {
	k := c.t.kernel
	p, err := k.params()
	if err == nil && c.cfg.keys.off.Load() {
		err = errKernelOff
	}
	if err == nil {
		// What crypto/tls has encrypted must be out before the kernel encrypts.
		if err = c.fc.Flush(); err == nil {
			var refused error
			err = c.fc.Conn().Control(func(fd uintptr) { refused = setKernelTLS(fd, p) })
			if refused != nil {
				c.cfg.keys.off.Store(true)
				err = refused
			}
		}
	}
	if err != nil {
		c.t.kernel = nil
		return false
	}
	k.on, k.last = true, nil
	return true
}

// KernelTLS reports whether the kernel encrypts what the connection sends, see
// [Config.UseKernelTLS].
func (c *Conn) KernelTLS() bool { return c.t.kernel != nil && c.t.kernel.on }
