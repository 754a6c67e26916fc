package tlsfiber

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"hash"
)

// kernel is what a connection knows of its own sending, to hand it to the kernel:
// the traffic secret and how many records were made with it. crypto/tls tells the
// first at the handshake and the second not at all, so records are counted below it.
type kernel struct {
	keys    *keyLog
	random  [randomLen]byte // of the ClientHello, zero until it was seen
	suite   uint16
	secret  []byte // nil until the handshake is done
	records uint64 // that crypto/tls made since the handshake
	extra   uint64 // that it made in the handshake, with the same keys: session tickets
	keep    bool   // the last record is wanted
	last    []byte
	on      bool // the kernel encrypts
	err     error
}

var (
	errKernelOff  = errors.New("tlsfiber: the kernel refused before")
	errNotOurKeys = errors.New("tlsfiber: the last record was not made with the keys of the handshake")
	errKeyUpdate  = errors.New("tlsfiber: the peer asked for new keys, which kernel TLS can not change")
)

// maxTickets is how many records a handshake may make with the keys of what follows;
// crypto/tls makes one.
const maxTickets = 8

// hello takes note of a connection's first record. A ClientHello in pieces is not
// known for one, and the connection stays with crypto/tls.
func (k *kernel) hello(record []byte) {
	const handshake, clientHello = 22, 1
	if k.random != [randomLen]byte{} || len(record) < helloLen ||
		record[0] != handshake || record[headerLen] != clientHello {
		return
	}
	copy(k.random[:], record[helloLen-randomLen:])
	k.keys.expect(k.random)
}

// helloLen is the length of what a ClientHello begins with: the headers of record
// and message, the version, the random.
const helloLen = headerLen + 4 + 2 + randomLen

// wrote takes note of records on their way out.
func (k *kernel) wrote(p []byte) {
	if k.secret == nil {
		k.hello(p)
		return
	}
	for len(p) >= headerLen {
		n := min(recordLen(p), len(p))
		k.records++
		if k.keep {
			k.last = append(k.last[:0], p[:n]...)
		}
		p = p[n:]
	}
}

// params are what the kernel needs to go on: keys, and the number of the next record.
// That the last record opens with them proves both.
func (k *kernel) params() (p params, err error) {
	if p, err = k.derive(); err != nil {
		return p, err
	}
	if k.records == 0 || len(k.last) == 0 {
		return p, errNotOurKeys
	}
	for k.extra = 0; k.extra <= maxTickets; k.extra++ {
		p.seq = k.extra + k.records - 1
		if _, _, err = p.open(k.last); err == nil {
			p.seq++
			return p, nil
		}
	}
	return p, errNotOurKeys
}

// open decrypts a record that crypto/tls made after the kernel took over: it goes on
// counting from there.
func (k *kernel) open(record []byte) (typ byte, body []byte, err error) {
	p, err := k.derive()
	if err != nil {
		return 0, nil, err
	}
	p.seq = k.extra + k.records
	k.records++
	return p.open(record)
}

// params are the keys of one direction (RFC 8446, 7.3), and a record's number.
type params struct {
	key []byte
	iv  [12]byte
	seq uint64
}

// gcmKeyLen is the length of a cipher suite's key, 0 if it is not one with AES-GCM.
func gcmKeyLen(suite uint16) int {
	switch suite {
	case tls.TLS_AES_128_GCM_SHA256:
		return 16
	case tls.TLS_AES_256_GCM_SHA384:
		return 32
	}
	return 0
}

func (k *kernel) derive() (p params, err error) {
	h := sha256.New
	if k.suite == tls.TLS_AES_256_GCM_SHA384 {
		h = sha512.New384
	}
	if p.key, err = expandLabel(h, k.secret, "key", gcmKeyLen(k.suite)); err != nil {
		return p, err
	}
	iv, err := expandLabel(h, k.secret, "iv", len(p.iv))
	copy(p.iv[:], iv)
	return p, err
}

// expandLabel is HKDF-Expand-Label with an empty context (RFC 8446, 7.1).
func expandLabel(h func() hash.Hash, secret []byte, label string, n int) ([]byte, error) {
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len(label)))
	info = append(info, label...)
	info = append(info, 0)
	return hkdf.Expand(h, secret, string(info), n)
}

// open decrypts record number p.seq and returns its inner type and content (RFC
// 8446, 5.2).
func (p *params) open(record []byte) (typ byte, body []byte, err error) {
	block, err := aes.NewCipher(p.key)
	if err != nil {
		return 0, nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return 0, nil, err
	}
	if len(record) < headerLen {
		return 0, nil, errNotOurKeys
	}
	inner, err := aead.Open(nil, p.nonce(), record[headerLen:], record[:headerLen])
	if err != nil {
		return 0, nil, errNotOurKeys
	}
	n := len(inner)
	for n > 0 && inner[n-1] == 0 {
		n-- // padding
	}
	if n == 0 {
		return 0, nil, errNotOurKeys
	}
	return inner[n-1], inner[:n-1], nil
}

// nonce is that of record number p.seq (RFC 8446, 5.3).
func (p *params) nonce() []byte {
	nonce := make([]byte, 4, len(p.iv))
	nonce = binary.BigEndian.AppendUint64(nonce, p.seq)
	subtle.XORBytes(nonce, nonce, p.iv[:])
	return nonce
}
