package tlsfiber

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"time"

	"github.com/headrace/headrace/runtime"
)

// SetLease sets how long handshakes with callbacks keep their turns, and returns how many have one at a time.
func SetLease(rt *runtime.Runtime, d time.Duration) int {
	s := sharedOf(rt)
	s.lease = d
	return cap(s.leases)
}

// TryKernelTLS is UseKernelTLS without the question whether there is a kernel for it.
func TryKernelTLS(cfg *Config) {
	cfg.keys = newKeyLog(cfg.TLS.KeyLogWriter)
	cfg.TLS = cfg.TLS.Clone()
	cfg.TLS.KeyLogWriter = cfg.keys
}

// KeysKept is how many handshakes have secrets kept.
func KeysKept(cfg *Config) int {
	cfg.keys.mu.Lock()
	defer cfg.keys.mu.Unlock()
	return len(cfg.keys.secrets)
}

// ClientKeys makes records as a client does, from its KeyLogWriter on.
type ClientKeys struct {
	secret []byte
	seq    uint64
}

// NewClientKeys returns the keys, and sets the configuration's KeyLogWriter.
func NewClientKeys(cfg *tls.Config) *ClientKeys {
	k := &ClientKeys{}
	cfg.KeyLogWriter = k
	return k
}

// Write takes a line of the key log.
func (k *ClientKeys) Write(line []byte) (int, error) {
	if f := bytes.Fields(line); len(f) == 3 && string(f[0]) == "CLIENT_TRAFFIC_SECRET_0" {
		k.secret, _ = hex.AppendDecode(nil, f[2])
	}
	return len(line), nil
}

// Seal makes the client's next record, with the suite TLS_AES_128_GCM_SHA256.
func (k *ClientKeys) Seal(typ byte, body []byte) []byte {
	p, err := (&kernel{suite: tls.TLS_AES_128_GCM_SHA256, secret: k.secret}).derive()
	if err != nil {
		panic(err)
	}
	block, err := aes.NewCipher(p.key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	inner := append(bytes.Clone(body), typ)
	head := []byte{23, 3, 3, 0, byte(len(inner) + aead.Overhead())}
	p.seq = k.seq
	k.seq++
	return aead.Seal(head, p.nonce(), inner, head)
}

// Update changes to the next keys (RFC 8446, 7.2).
func (k *ClientKeys) Update() {
	next, err := expandLabel(sha256.New, k.secret, "traffic upd", sha256.Size)
	if err != nil {
		panic(err)
	}
	k.secret, k.seq = next, 0
}
