package tlsfiber_test

import (
	"context"
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/runtime/fiber"
	"github.com/headrace/headrace/runtime/tlsfiber"
)

// TestPanicInDial: the connection of a dial that panics belongs to nobody, and ends.
func TestPanicInDial(t *testing.T) {
	addr := serve(t, newRuntime(t), &tlsfiber.Config{TLS: serverConfig()}, echo)
	everyWay(t, func(t *testing.T, version uint16, onLoop bool) {
		rt := newRuntime(t)
		ended := make(chan struct{})
		cfg := clientConfig(version)
		cfg.VerifyConnection = func(tls.ConnectionState) error { panic("as asked") }
		require.NoError(t, fiber.Go(rt.Loops()[0], func(task *fiber.Task) {
			defer close(ended)
			_, _ = tlsfiber.Dial(context.Background(), task, "tcp", addr.String(),
				&tlsfiber.Config{TLS: cfg, OnLoop: onLoop})
		}))
		<-ended
		deserted(t, rt)
		require.EqualValues(t, 1, rt.Stats().Total().Panics)
	})
}
