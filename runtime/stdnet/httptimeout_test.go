package stdnet_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// soon is a time-out that is to pass.
const soon = 50 * time.Millisecond

func TestHTTPTimeouts(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for most of its time")
	}
	compareHTTP(t, []httpCase{
		{"read", readTimeout}, {"read header", readHeaderTimeout}, {"write", writeTimeout},
		{"idle", idleTimeout}, {"shutdown", shutdown}, {"controller", controller},
	})
}

// drain reads what a server sends until it ends the connection.
func drain(r io.Reader) string {
	all, err := io.ReadAll(r)
	return fmt.Sprintf("%.60q %v", all, err)
}

func readTimeout(t *testing.T, s stack) (said []string) {
	failed := make(chan error, 1)
	srv := s.serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		failed <- err
	}), func(srv *httptest.Server) { srv.Config.ReadTimeout = 10 * soon })
	c := srv.dialRaw()
	_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
	require.NoError(t, err)
	err = <-failed
	return append(said, fmt.Sprint(errors.Is(err, os.ErrDeadlineExceeded)))
}

func readHeaderTimeout(t *testing.T, s stack) []string {
	srv := s.serve(t, http.HandlerFunc(echoBody), func(srv *httptest.Server) {
		srv.Config.ReadHeaderTimeout = 10 * soon
	})
	c := srv.dialRaw()
	_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHos")
	require.NoError(t, err)
	return []string{drain(c)}
}

func writeTimeout(t *testing.T, s stack) []string {
	failed := make(chan error, 1)
	srv := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				failed <- err
				return
			}
		}
	}), func(srv *httptest.Server) { srv.Config.WriteTimeout = 10 * soon })
	c := srv.dialRaw()
	_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	err = <-failed // we read nothing
	return []string{fmt.Sprint(errors.Is(err, os.ErrDeadlineExceeded))}
}

func idleTimeout(t *testing.T, s stack) (said []string) {
	srv := s.serve(t, http.HandlerFunc(echoBody), func(srv *httptest.Server) { srv.Config.IdleTimeout = 10 * soon })
	c := srv.dialRaw()
	_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	r := bufio.NewReader(c)
	said = append(said, say(http.ReadResponse(r, nil)))
	return append(said, drain(r))
}

func shutdown(t *testing.T, s stack) (said []string) {
	entered, leave := make(chan struct{}), make(chan struct{})
	srv := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		_, _ = io.WriteString(w, "finished")
	}), nil)
	idle := srv.dialRaw()
	answer := make(chan string, 1)
	go func() { answer <- say(srv.client.Get(srv.URL)) }()
	<-entered
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	err := srv.Config.Shutdown(ctx)
	said = append(said, fmt.Sprint(err))
	close(leave)
	said = append(said, <-answer)
	ctx, cancel = context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	_ = idle.Close()
	said = append(said, fmt.Sprint(srv.Config.Shutdown(ctx)))
	_, err = srv.stack.dial(context.Background(), "tcp", srv.Listener.Addr().String())
	return append(said, fmt.Sprint(err != nil))
}

// controller extends one request's deadline beyond the server's.
func controller(t *testing.T, s stack) []string {
	srv := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		fmt.Fprint(w, rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Now().Add(watchdog)))
		time.Sleep(11 * soon)
		echoBody(w, r)
	}), func(srv *httptest.Server) { srv.Config.ReadTimeout, srv.Config.WriteTimeout = 10*soon, 10*soon })
	return []string{say(srv.client.Post(srv.URL, "x/y", http.NoBody))}
}
