package runtime

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

var errNeedsLookup = errors.New("name needs lookup")

// isStream tells which networks carry streams; if it begins with tcp it may be none at all.
func isStream(network string) bool { return isTCP(network) || network == "unix" }

func isTCP(network string) bool { return strings.HasPrefix(network, "tcp") }

// parseAddr parses an address that names no host, or answers errNeedsLookup.
func parseAddr(network, address string) ([]net.Addr, error) {
	switch network {
	case "unix", "unixgram":
		return []net.Addr{&net.UnixAddr{Name: address, Net: network}}, nil
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, net.UnknownNetworkError(network)
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, errNeedsLookup
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil, errNeedsLookup
	}
	if !suits(network, ip) {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: host}
	}
	return []net.Addr{net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, uint16(port)))}, nil
}

// suits reports whether an address is of the network's family.
func suits(network string, ip netip.Addr) bool {
	v4 := ip.Is4() || ip.Is4In6()
	return network == "tcp" || (network == "tcp4") == v4
}

// resolveDial finds the addresses to try, in order.
func resolveDial(ctx context.Context, network, address string) ([]net.Addr, error) {
	addrs, err := parseAddr(network, address)
	if !errors.Is(err, errNeedsLookup) {
		return addrs, err
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, network, service)
	if err != nil {
		return nil, err
	}
	if host == "" {
		host = "localhost"
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	for _, ip := range ips {
		if suits(network, ip) {
			ap := netip.AddrPortFrom(ip.Unmap(), uint16(port))
			addrs = append(addrs, net.TCPAddrFromAddrPort(ap))
		}
	}
	if len(addrs) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: host}
	}
	return addrs, nil
}

// resolveListen finds the one address to listen on. An empty host means all.
func resolveListen(ctx context.Context, network, address string) (net.Addr, error) {
	if isTCP(network) {
		host, service, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if host == "" {
			port, err := net.DefaultResolver.LookupPort(ctx, network, service)
			return &net.TCPAddr{Port: port}, err
		}
	}
	addrs, err := resolveDial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	for _, a := range addrs { // as package net: IPv4 if there is one
		if t, ok := a.(*net.TCPAddr); ok && t.IP.To4() != nil {
			return a, nil
		}
	}
	return addrs[0], nil
}
