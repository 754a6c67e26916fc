// Package testport gives tests a port that stays theirs while nobody listens on it.
package testport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"testing"
)

// leastPort is above the ports of well-known services.
const leastPort = 10_000

// fallbackEnd is where IANA's dynamic ports begin, for systems that do not tell theirs.
const fallbackEnd = 49_152

// Unused returns a port that nobody has, TCP or UDP, IPv4 or IPv6. It is none of those
// the kernel chooses for ":0" and for clients, so that between Close and the next Listen,
// or where a refusal is expected, no other test's server turns up, and no connection to
// the port comes from the port.
func Unused(t testing.TB) int {
	t.Helper()
	for range 100 {
		if port := leastPort + rand.IntN(dynamicBegin()-leastPort); free(port) {
			return port
		}
	}
	t.Fatal("no unused port")
	return 0
}

// Refusing returns an IPv4 loopback address with an unused port.
func Refusing(t testing.TB) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(Unused(t)))
}

// dynamicBegin is the first port that the kernel chooses by itself.
func dynamicBegin() (port int) {
	told, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return fallbackEnd
	}
	if _, err := fmt.Sscan(string(told), &port); err != nil || port < leastPort+1000 {
		return fallbackEnd // some of them may be chosen, then
	}
	return port
}

func free(port int) bool {
	address := ":" + strconv.Itoa(port)
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	defer ln.Close()
	p, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	return p.Close() == nil
}
