package tlsfiber_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/driver/drivertest"
	"github.com/headrace/headrace/runtime/driver/faults"
	"github.com/headrace/headrace/runtime/tlsfiber"
)

// TestUnderFaults: over an engine that misbehaves, a stream comes back whole, with its
// end; over one that also cuts connections, it may fail, but is never wrong.
func TestUnderFaults(t *testing.T) {
	for _, b := range []runtime.Backend{runtime.IOUring, runtime.Epoll, runtime.Portable} {
		t.Run(b.String()+"/contract", func(t *testing.T) { underFaults(t, b, faults.Contract, false) })
		t.Run(b.String()+"/cut", func(t *testing.T) { underFaults(t, b, faults.All, true) })
	}
}

func underFaults(t *testing.T, b runtime.Backend, which func(seed uint64) faults.Config, cuts bool) {
	cfg := which(faults.Seed(t.Logf))
	cfg.Counts = &faults.Counts{}
	cfg.Fail = func(err error) { t.Error(err) }
	rt, err := runtime.New(&runtime.Config{
		Loops: 2, Backend: b,
		WrapEngine: cfg.WrapEngine,
	})
	drivertest.MustRun(t, b.String(), err)
	defer func() { require.NoError(t, rt.Close()) }() // a leaked chunk fails it
	whole, cut := 0, 0
	const least, most = 20, 400
	for i := 0; i < least || cuts && i < most && (whole == 0 || cut == 0); i += len(versions) * 2 {
		results := make(chan error, len(versions)*2)
		for _, onLoop := range []bool{false, true} {
			addr := serve(t, rt, &tlsfiber.Config{TLS: serverConfig(), OnLoop: onLoop}, echo)
			for _, version := range versions {
				go func() { results <- comesBack(addr, version, 1+i*5000) }()
			}
		}
		for range cap(results) {
			switch err := <-results; {
			case err == nil:
				whole++
			case !cuts, errors.Is(err, errWrong), errors.Is(err, os.ErrDeadlineExceeded):
				t.Error(err)
			default:
				cut++
			}
		}
	}
	require.NotZero(t, whole)
	require.Equal(t, cuts, cut > 0)
	t.Logf("%d whole, %d cut; %v", whole, cut, cfg.Counts)
}

var errWrong = errors.New("not what was sent")

// comesBack sends size bytes and its end, and compares what comes back up to the
// server's end.
func comesBack(addr net.Addr, version uint16, size int) error {
	plain, err := net.Dial("tcp", addr.String())
	if err != nil {
		return err
	}
	defer plain.Close()
	if err := plain.SetDeadline(time.Now().Add(watchdog)); err != nil {
		return err
	}
	c := tls.Client(plain, clientConfig(version))
	if err := c.Handshake(); err != nil {
		return err
	}
	sent := randomBytes(size)
	wrote := make(chan error, 1)
	go func() {
		_, err := c.Write(sent)
		if err == nil {
			err = c.CloseWrite()
		}
		wrote <- err
	}()
	got, err := io.ReadAll(c)
	if err != nil {
		plain.Close() // a writer that is stuck goes on
	}
	writeErr := <-wrote
	switch {
	case !bytes.HasPrefix(sent, got):
		return fmt.Errorf("%w: %d bytes, not a beginning of what was sent", errWrong, len(got))
	case err != nil:
		return err
	case writeErr != nil:
		// A socket tells its error once. To who reads afterwards it has ended, and that
		// is an end to crypto/tls, too, if it is between two records.
		return writeErr
	case len(got) < len(sent):
		return fmt.Errorf("%w: an end after %d bytes of %d", errWrong, len(got), len(sent))
	}
	// Behind close_notify comes the end of the connection, in order.
	if _, err = plain.Read(make([]byte, 1)); err == io.EOF {
		return nil
	}
	return err
}
