package grpctest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/headrace/headrace/runtime"
	"github.com/headrace/headrace/runtime/stdnet"
)

const watchdog = 60 * time.Second

type message = wrapperspb.BytesValue

// service echoes: one message, a stream of them, or one message many times.
var service = grpc.ServiceDesc{
	ServiceName: "Echo",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: unary}},
	Streams: []grpc.StreamDesc{
		{StreamName: "Both", Handler: both, ServerStreams: true, ClientStreams: true},
		{StreamName: "Wait", Handler: wait, ServerStreams: true},
	},
}

func unary(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	in := &message{}
	if err := decode(in); err != nil {
		return nil, err
	}
	if len(in.Value) == 0 {
		return nil, status.Error(codes.InvalidArgument, "nothing to echo")
	}
	return in, nil
}

func both(_ any, stream grpc.ServerStream) error {
	for {
		in := &message{}
		err := stream.RecvMsg(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.SendMsg(in); err != nil {
			return err
		}
	}
}

func wait(_ any, stream grpc.ServerStream) error {
	<-stream.Context().Done()
	return stream.Context().Err()
}

// connect starts a server and a client of it.
func connect(t *testing.T, network string, mode stdnet.Mode) *grpc.ClientConn {
	rt, err := runtime.New(&runtime.Config{Loops: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close()) })
	address := "127.0.0.1:0"
	if network == "unix" {
		address = t.TempDir() + "/s"
	}
	lc := stdnet.ListenConfig{Runtime: rt, Mode: mode}
	ln, err := lc.Listen(context.Background(), network, address)
	require.NoError(t, err)
	srv := grpc.NewServer()
	srv.RegisterService(&service, nil)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	t.Cleanup(func() { srv.GracefulStop(); require.NoError(t, <-served) })

	d := stdnet.Dialer{Runtime: rt, Mode: mode}
	dial := func(ctx context.Context, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, ln.Addr().String())
	}
	c, err := grpc.NewClient("passthrough:///server", grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: time.Minute}))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func each(t *testing.T, f func(t *testing.T, c *grpc.ClientConn, ctx context.Context)) {
	for _, network := range []string{"tcp", "unix"} {
		for _, mode := range []stdnet.Mode{stdnet.Loop, stdnet.Poller, stdnet.Auto} {
			t.Run(network+"/"+mode.String(), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(context.Background(), watchdog)
				defer cancel()
				f(t, connect(t, network, mode), ctx)
			})
		}
	}
}

func bytesOf(n int) *message { return &message{Value: bytes.Repeat([]byte("gRPC"), n/4+1)} }

func TestUnary(t *testing.T) {
	each(t, func(t *testing.T, c *grpc.ClientConn, ctx context.Context) {
		for _, size := range []int{1, 1000, 100_000, 3 << 20} {
			in, out := bytesOf(size), &message{}
			require.NoError(t, c.Invoke(ctx, "/Echo/Unary", in, out))
			require.True(t, bytes.Equal(in.Value, out.Value))
		}
		err := c.Invoke(ctx, "/Echo/Unary", &message{}, &message{})
		require.Equal(t, codes.InvalidArgument, status.Code(err))
	})
}

func TestUnaryInParallel(t *testing.T) {
	each(t, func(t *testing.T, c *grpc.ClientConn, ctx context.Context) {
		const callers, calls = 50, 40
		done := make(chan error, callers)
		for i := range callers {
			go func() {
				var err error
				for range calls {
					in, out := bytesOf(i*50), &message{}
					if err = c.Invoke(ctx, "/Echo/Unary", in, out); err != nil {
						break
					}
					if !bytes.Equal(in.Value, out.Value) {
						err = errors.New("other bytes")
						break
					}
				}
				done <- err
			}()
		}
		for range callers {
			require.NoError(t, <-done)
		}
	})
}

func TestStreamBothWays(t *testing.T) {
	each(t, func(t *testing.T, c *grpc.ClientConn, ctx context.Context) {
		stream, err := c.NewStream(ctx, &service.Streams[0], "/Echo/Both")
		require.NoError(t, err)
		const n = 300
		sent := make(chan error, 1)
		go func() {
			for i := range n {
				if err := stream.SendMsg(bytesOf(i * 200)); err != nil {
					sent <- err
					return
				}
			}
			sent <- stream.CloseSend()
		}()
		for i := range n {
			out := &message{}
			require.NoError(t, stream.RecvMsg(out))
			require.Len(t, out.Value, len(bytesOf(i*200).Value))
		}
		require.ErrorIs(t, stream.RecvMsg(&message{}), io.EOF)
		require.NoError(t, <-sent)
	})
}

func TestCancel(t *testing.T) {
	each(t, func(t *testing.T, c *grpc.ClientConn, ctx context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		stream, err := c.NewStream(ctx, &service.Streams[1], "/Echo/Wait")
		require.NoError(t, err)
		require.NoError(t, stream.SendMsg(bytesOf(1)))
		require.NoError(t, stream.CloseSend())
		cancel()
		require.Equal(t, codes.Canceled, status.Code(stream.RecvMsg(&message{})))
	})
}
