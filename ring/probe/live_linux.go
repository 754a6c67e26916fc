//go:build linux

package probe

import (
	"context"
	"errors"
	goruntime "runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
)

// ringWant is what the engine asks for, so that the round trips run as its
// operations will.
const ringWant = ring.SetupSingleIssuer | ring.SetupDeferTaskrun | ring.SetupTaskrunFlag |
	ring.SetupSubmitAll | ring.SetupCQSize | ring.SetupClamp | ring.SetupNoSQArray

// cqFactor is the engine's too.
const cqFactor = 8

func (o Options) newRing() (*ring.Ring, error) {
	return ring.New(uint32(o.Entries), ring.Params{Flags: ringWant, CQEntries: uint32(o.Entries * cqFactor)})
}

// probeLive makes one ring and tries everything on it. The goroutine is locked to
// its thread, because the ring belongs to the thread that made it.
func probeLive(ctx context.Context, f facts, opts Options) live {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()

	l := live{
		attempts: []attempt{{call: callSetup}, {call: callRegister}, {call: callEnter}},
		found:    make(map[string]finding),
	}
	m := newRoom(ctx, f)
	r, err := m.ring(opts.newRing)
	if !l.tried(0, err) {
		return l
	}
	t, err := newTrial(ctx, r)
	if err != nil {
		l.attempts[0].errno = errnoOf(err)
		r.Close()
		return l
	}
	defer t.close()
	t.room = m

	if !l.tried(1, l.listOps(r)) || !l.tried(2, l.nop(t)) {
		return l
	}
	l.bits(r)
	// What the engine can not do without comes first, while no other trial's memory
	// counts.
	p := l.required(t)
	l.optional(t)
	if p.up {
		l.optionalOn(t, p)
	}
	p.discard()
	l.setupFlags(t)
	if f.memlock.binds(f.status) {
		l.makeMore(t, opts)
	}
	return l
}

// recvBuffers is as many as the engine has in its buffer ring by default; a page has
// room for twice that.
const recvBuffers = 128

// makeMore holds the other loops' rings too for a moment, and every loop's buffer
// ring, because the limit on locked memory counts them together.
func (l *live) makeMore(t *trial, opts Options) {
	for i := range opts.Rings {
		r := t.r
		if i > 0 {
			var err error
			if r, err = t.room.ring(opts.newRing); !l.tried(0, err) {
				return
			}
			defer r.Close()
		}
		if l.found[FeatPbufRing].state != Yes {
			continue // of an older kernel, whose rings count
		}
		br, err := t.room.bufRing(r, recvBuffers, groupMore, 0)
		if !l.tried(1, err) {
			return
		}
		defer br.Close()
	}
}

// tried notes the answer of one of the three calls and reports whether to go on.
func (l *live) tried(i int, err error) bool {
	l.attempts[i].tried = true
	if err != nil {
		l.attempts[i].errno = errnoOf(err)
	}
	return err == nil
}

// listOps makes the first register call. Before Linux 5.6 there is no
// IORING_REGISTER_PROBE, which is no refusal.
func (l *live) listOps(r *ring.Ring) error {
	answer, err := r.RegisterProbe()
	known := err == nil
	if errors.Is(err, unix.EINVAL) {
		err = nil
	}
	for op := ring.Op(0); op.Since() != ""; op++ {
		since, _ := ParseVersion(op.Since())
		o := Op{Code: int(op), Name: op.String(), Since: since}
		if known {
			o.State = stateIf(answer.Supported(op))
		}
		l.ops = append(l.ops, o)
	}
	return err
}

// nop makes the first enter call.
func (l *live) nop(t *trial) error {
	cqe, err := t.one((*ring.SQE).PrepNop)
	l.found[FeatNop] = t.judge(cqe, err, true)
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return err
	}
	return nil // a time-out is the feature's failure, not the call's
}

// bits reads what setup told for nothing.
func (l *live) bits(r *ring.Ring) {
	l.found[FeatFastPoll] = finding{state: stateIf(r.Features()&ring.FeatFastPoll != 0), how: ByFeatures}
}

// setupFlags says which flags the ring got. One that it did not get may have been
// dropped in the company of a newer one, so it is tried alone.
func (l *live) setupFlags(t *trial) {
	for _, s := range []struct {
		id    string
		flags ring.SetupFlags
	}{
		{FeatCQSize, ring.SetupCQSize},
		{FeatSubmitAll, ring.SetupSubmitAll},
		{FeatCoopTaskrun, ring.SetupCoopTaskrun},
		{FeatSingleIssuer, ring.SetupSingleIssuer},
		{FeatDeferTaskrun, ring.SetupSingleIssuer | ring.SetupDeferTaskrun},
		{FeatNoSQArray, ring.SetupNoSQArray},
	} {
		if t.r.Flags()&s.flags == s.flags {
			l.found[s.id] = finding{state: Yes, how: BySetup}
			continue
		}
		alone, err := t.smallRing(ring.Params{Flags: s.flags, CQEntries: 2})
		l.found[s.id] = judgeErr(err, BySetup)
		if err == nil {
			alone.Close()
		}
	}
}

func stateIf(yes bool) State {
	if yes {
		return Yes
	}
	return No
}

func errnoOf(err error) syscall.Errno {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return unix.EIO
}

// judgeErr turns the answer of a setup or register call into a finding.
func judgeErr(err error, how How) finding {
	if err == nil {
		return finding{state: Yes, how: how}
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		if errors.Is(err, errors.ErrUnsupported) {
			return finding{state: No, how: how}
		}
		return finding{how: how, note: err.Error()}
	}
	f := finding{how: how, errno: errno}
	if refuses(errno) {
		f.state = No
	}
	return f
}

// refuses tells an answer that says no from one that says not now.
func refuses(errno syscall.Errno) bool {
	switch errno {
	case unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.EPERM, unix.EACCES, unix.EBADRQC:
		return true
	}
	return false
}

// probeEpoll makes what the epoll engine cannot do without.
func probeEpoll() epollAnswer {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return epollAnswer{call: "epoll_create1", errno: errnoOf(err)}
	}
	unix.Close(fd)
	fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return epollAnswer{call: "eventfd2", errno: errnoOf(err)}
	}
	unix.Close(fd)
	return epollAnswer{}
}
