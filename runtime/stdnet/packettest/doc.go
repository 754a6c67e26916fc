// Package packettest runs quic-go and miekg/dns, unmodified, over
// stdnet.ListenPacket. It is a module of its own: the library does not depend on
// them.
package packettest
