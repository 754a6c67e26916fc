package std

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	goruntime "runtime"
	"time"

	"github.com/headrace/headrace/bench/peers"
)

// Hello answers every request with the same few bytes.
func Hello(cfg peers.Config) error {
	body := []byte(peers.HelloBody)
	return serveHTTP(cfg, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(body) // the connection's end is the client's business
	}))
}

// Static serves the files of cfg.Root.
func Static(cfg peers.Config) error {
	return serveHTTP(cfg, http.FileServer(http.Dir(cfg.Root)))
}

// StaticTLS serves them over TLS, as net/http does by itself but for HTTP/2.
func StaticTLS(cfg peers.Config) error {
	cert, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
	if err != nil {
		return err
	}
	secure := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
	return serveOn(cfg, http.FileServer(http.Dir(cfg.Root)), func(ln net.Listener) net.Listener {
		return tls.NewListener(ln, secure)
	})
}

// Upload writes the body of every PUT to a file of that name in cfg.Dir.
func Upload(cfg peers.Config) error {
	return serveHTTP(cfg, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut {
			http.Error(w, "PUT only", http.StatusMethodNotAllowed)
			return
		}
		if err := store(filepath.Join(cfg.Dir, filepath.Base(r.URL.Path)), r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusCreated)
	}))
}

func store(name string, body io.Reader) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	return errors.Join(err, f.Close())
}

func serveHTTP(cfg peers.Config, h http.Handler) error {
	return serveOn(cfg, h, func(ln net.Listener) net.Listener { return ln })
}

func serveOn(cfg peers.Config, h http.Handler, wrap func(net.Listener) net.Listener) error {
	stopped := peers.Stopped()
	ln, err := peers.Listen(cfg.Addr)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: h}
	done := make(chan error, 1)
	go func() {
		<-stopped
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		done <- srv.Shutdown(ctx)
	}()
	peers.Announce(ln.Addr(), Backend, goruntime.GOMAXPROCS(0))
	if err := srv.Serve(wrap(ln)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-done
}
