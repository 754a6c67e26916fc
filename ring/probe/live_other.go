//go:build !linux

package probe

import "context"

func probeLive(context.Context, facts, Options) live { return live{} }

func probeEpoll() epollAnswer { return epollAnswer{} }
