package runtime

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
)

// Datagram addresses are looked up as those of streams are.

// streamNetwork returns the stream network with the same addresses.
func streamNetwork(network string) (string, error) {
	switch network {
	case "udp", "udp4", "udp6":
		return "tcp" + strings.TrimPrefix(network, "udp"), nil
	case "unixgram":
		return network, nil
	}
	return "", net.UnknownNetworkError(network)
}

func datagramAddrs(addrs []net.Addr) []net.Addr {
	for i, a := range addrs {
		if t, ok := a.(*net.TCPAddr); ok {
			addrs[i] = &net.UDPAddr{IP: t.IP, Port: t.Port, Zone: t.Zone}
		}
	}
	return addrs
}

// parsePacketAddr parses an address that names no host, or answers errNeedsLookup.
func parsePacketAddr(network, address string) ([]net.Addr, error) {
	stream, err := streamNetwork(network)
	if err != nil {
		return nil, errNeedsLookup // which tells what is wrong with it
	}
	addrs, err := parseAddr(stream, address)
	if err != nil {
		return nil, errNeedsLookup
	}
	return datagramAddrs(addrs), nil
}

func resolvePacket(ctx context.Context, network, address string) ([]net.Addr, error) {
	return lookUpPacket(ctx, network, address, resolveDial)
}

// resolvePacketListen finds the one address to listen on.
func resolvePacketListen(ctx context.Context, network, address string) (net.Addr, error) {
	one := func(ctx context.Context, network, address string) ([]net.Addr, error) {
		addr, err := resolveListen(ctx, network, address)
		return []net.Addr{addr}, err
	}
	addrs, err := lookUpPacket(ctx, network, address, one)
	if err != nil {
		return nil, err
	}
	return addrs[0], nil
}

func lookUpPacket(
	ctx context.Context, network, address string,
	look func(ctx context.Context, network, address string) ([]net.Addr, error),
) ([]net.Addr, error) {
	stream, err := streamNetwork(network)
	if err != nil {
		return nil, err
	}
	if stream != network {
		// A service's port for datagrams need not be that for streams.
		host, service, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		port, err := net.DefaultResolver.LookupPort(ctx, network, service)
		if err != nil {
			return nil, err
		}
		address = net.JoinHostPort(host, strconv.Itoa(port))
	}
	addrs, err := look(ctx, stream, address)
	if errors.Is(err, errNeedsLookup) || len(addrs) == 0 && err == nil {
		err = &net.AddrError{Err: "no suitable address found", Addr: address}
	}
	if err != nil {
		return nil, err
	}
	return datagramAddrs(addrs), nil
}
