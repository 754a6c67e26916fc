// Package tlsfiber is crypto/tls for fibers: a server's or a client's connection
// with TLS 1.2 or 1.3 on a runtime's loop, without a goroutine for each connection.
//
//	cfg := &tlsfiber.Config{TLS: &tls.Config{Certificates: certs, NextProtos: []string{"http/1.1"}}}
//	rt.Listen(ctx, "tcp", ":8443", tlsfiber.Serve(cfg, func(c *tlsfiber.Conn) error {
//		_, err := io.Copy(c, c)
//		return err
//	}))
//
// Protocol, certificates, session tickets and ALPN are crypto/tls's, and so are its
// errors. A [Conn] is a net.Conn for its fiber, as a fiber.Conn is.
//
// For ordinary goroutines there is nothing to do: tls.Server and tls.Client take a
// connection of package stdnet as any other.
//
// # Handshakes
//
// The arithmetic of one handshake takes from a tenth of a millisecond to tens of
// them, and the peer has a say in it: which curve, how many certificates, how large
// their keys. So it does not run on the loop. It runs as a coroutine that ordinary
// goroutines resume when a record has come: a peer that says nothing holds no
// goroutine, and a few handshakes at a time hold no core that loops need.
// [Config.OnLoop] is for a server that leaves its peers no slow choice, see [Quick].
//
// Callbacks of tls.Config (GetCertificate, VerifyConnection and so on) run with the
// handshake: off the loop they may block, and must not touch the fiber or its
// connections.
//
// # Memory
//
// A connection that waits holds what crypto/tls keeps of it, and no buffer of the
// runtime's. A record is given to crypto/tls when it is there as a whole (in pieces
// where Config.UnreadHigh is below 128 KiB), so one that is announced and does not
// come costs nothing. What is written waits, as a
// fiber's, while more than Config.UnsentHigh is unsent, and files by a window of
// their own, see [Conn.SendFile]. With [Config.UseKernelTLS] the bytes of large files
// do not come into the program.
package tlsfiber
