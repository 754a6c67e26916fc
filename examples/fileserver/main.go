// Command fileserver serves a folder over HTTP/1.1: fibers on the runtime's loops,
// net/http's request parser, and files that do not pass through the program.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/headrace/headrace/examples/internal/app"
	"github.com/headrace/headrace/runtime"
)

func main() { app.Main("fileserver", run) }

func run() error {
	var flags app.Flags
	flags.Register("127.0.0.1:8080")
	root := flag.String("root", ".", "`folder` to serve")
	idle := flag.Duration("idle", time.Minute, "how long a connection may wait between requests; 0 for ever")
	slow := flag.Duration("slow", 30*time.Second,
		"how long a peer may take to send a request, or to take a byte; 0 for ever")
	cert := flag.String("tls-cert", "", "`file` of the certificate chain (PEM): serve HTTPS")
	key := flag.String("tls-key", "", "`file` of its private key (PEM)")
	inKernel := flag.Bool("tls-kernel", true, "let the kernel encrypt large files, if it can; -tls-kernel=false for not")
	if err := flags.Parse(); err != nil {
		return err
	}

	secure, err := loadTLS(*cert, *key)
	if err != nil {
		return err
	}
	files, err := openFolder(*root)
	if err != nil {
		return err
	}
	defer files.close()
	rt, err := flags.Runtime(&runtime.Config{WriteTimeout: *slow})
	if err != nil {
		return err
	}
	defer rt.Close()
	if secure == nil {
		app.SpareProcessor(rt)
	}

	s := &server{rt: rt, files: files, idle: *idle, slow: *slow}
	ln, err := flags.Listen(rt, s.accept(s.secured(secure, *inKernel)))
	if err != nil {
		return err
	}
	base := "http://" + ln.Addr().String()
	if secure != nil {
		base = "https://" + ln.Addr().String()
	}
	if ln.Addr().Network() == "tcp" {
		fmt.Fprintf(os.Stderr, "serving %s on %s/ (statistics on /_stats)\n", *root, base)
	}
	w := app.Server{Runtime: rt, Addr: ln.Addr(), Drain: flags.Drain, Listener: ln}
	if flags.Check {
		w.Check = func() error { return selfTest(selfTestClient(secure), base, *root) }
	}
	return w.Wait(os.Stdout)
}
