package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// selfTest asks for the greeting, twice on a connection.
func selfTest(addr net.Addr) error {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, addr.Network(), addr.String())
	}
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: dial}}
	defer client.CloseIdleConnections()
	for range 2 {
		res, err := client.Get("http://httphello/")
		if err != nil {
			return err
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return err
		}
		if string(body) != greeting {
			return fmt.Errorf("%s, and %q is no greeting", res.Status, body)
		}
	}
	return nil
}
