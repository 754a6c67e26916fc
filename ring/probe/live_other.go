//go:build !linux

package probe

import "context"

func probeLive(context.Context) live { return live{} }

func probeEpoll() epollAnswer { return epollAnswer{} }
