//go:build linux

package probe

import (
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
)

// optional tries what the engine can do without. Each leaves the ring as it found
// it, so that the order does not matter.
func (l *live) optional(t *trial) {
	for _, step := range []struct {
		id  string
		try func(*trial) finding
	}{
		{FeatRegisteredBuffers, (*trial).registeredBuffers},
		{FeatRestrictions, (*trial).restrictions},
		{FeatIOWQMaxWorkers, (*trial).iowqMaxWorkers},
		{FeatCQESkip, (*trial).cqeSkip},
		{FeatRingFD, (*trial).ringFD},
		{FeatSparseFiles, (*trial).sparseFiles},
		{FeatSyncCancel, (*trial).syncCancel},
		{FeatPbufInc, (*trial).pbufInc},
		{FeatMinWait, (*trial).minWait},
		{FeatMsgRingSync, (*trial).msgRingSync},
		{FeatNoIowait, (*trial).noIowait},
		{FeatQuery, (*trial).query},
	} {
		if t.ctx.Err() != nil {
			return
		}
		l.found[step.id] = step.try(t)
	}
	l.found[FeatFixedFDInstall] = l.opcode(ring.OpFixedFDInstall)
}

// opcode says what the kernel's own list of operations says.
func (l *live) opcode(op ring.Op) finding {
	f := finding{how: ByOpcode}
	if int(op) < len(l.ops) {
		f.state = l.ops[op].State
	}
	return f
}

// registeredBuffers pins one page. ENOMEM means RLIMIT_MEMLOCK, and that the
// runtime's larger pools would not get through either.
func (t *trial) registeredBuffers() finding {
	page := unix.Iovec{Base: unsafe.SliceData(t.arena)}
	page.SetLen(unix.Getpagesize())
	err := t.r.RegisterBuffers([]unix.Iovec{page}, nil)
	if err == nil {
		err = t.r.UnregisterBuffers()
	}
	f := judgeErr(err, ByRegister)
	if errors.Is(err, unix.ENOMEM) {
		f.state, f.note = No, "RLIMIT_MEMLOCK"
	}
	return f
}

// restrictions are set on a ring of their own, which stays disabled.
func (t *trial) restrictions() finding {
	r, err := t.smallRing(ring.Params{Flags: ring.SetupRDisabled})
	if err != nil {
		return judgeErr(err, BySetup)
	}
	defer r.Close()
	return judgeErr(r.RegisterRestrictions(ring.AllowOp(ring.OpNop)), ByRegister)
}

// iowqMaxWorkers reads the caps: zero changes nothing.
func (t *trial) iowqMaxWorkers() finding {
	_, err := t.r.RegisterIOWQMaxWorkers(0, 0)
	return judgeErr(err, ByRegister)
}

// cqeSkip submits two and must hear of the second alone.
func (t *trial) cqeSkip() finding {
	if t.r.Features()&ring.FeatCQESkip == 0 {
		return finding{state: No, how: ByFeatures}
	}
	silent, err := t.start(func(s *ring.SQE) {
		s.PrepNop()
		s.Flags |= ring.SQECQESkipSuccess
	})
	if err != nil {
		return t.judge(ring.CQE{}, err, false)
	}
	t.inFlight-- // it does not come back
	c, err := t.one((*ring.SQE).PrepNop)
	heard := false
	for _, got := range t.inbox {
		heard = heard || got.UserData == silent
	}
	return t.judge(c, err, !heard)
}

func (t *trial) ringFD() finding {
	if err := t.r.RegisterRingFD(); err != nil {
		return judgeErr(err, ByRegister)
	}
	c, err := t.one((*ring.SQE).PrepNop)
	if back := t.r.UnregisterRingFD(); err == nil {
		err = back
	}
	return t.judge(c, err, true)
}

func (t *trial) sparseFiles() finding {
	err := t.r.RegisterFilesSparse(1)
	if err == nil {
		err = t.r.UnregisterFiles()
	}
	return judgeErr(err, ByRegister)
}

// syncCancel asks for a request that does not exist and hears so.
func (t *trial) syncCancel() finding {
	err := t.r.RegisterSyncCancel(ring.SyncCancel{UserData: ^uint64(0)})
	if errors.Is(err, unix.ENOENT) {
		err = nil
	}
	return judgeErr(err, ByRegister)
}

// minWait waits in both ways for what does not come.
func (t *trial) minWait() finding {
	if t.r.Features()&ring.FeatMinTimeout == 0 {
		return finding{state: No, how: ByFeatures}
	}
	err := t.timedOut(func() (int, error) {
		return t.r.SubmitAndWaitMin(1, 2*time.Microsecond, time.Microsecond)
	})
	return t.judge(ring.CQE{}, ignoreTimeout(err), true)
}

func (t *trial) noIowait() finding {
	if t.r.Features()&ring.FeatNoIOWait == 0 {
		return finding{state: No, how: ByFeatures}
	}
	if err := t.r.SetIOWait(false); err != nil {
		return judgeErr(err, ByFeatures)
	}
	err := t.timedOut(func() (int, error) { return t.r.SubmitAndWait(1, time.Microsecond) })
	if back := t.r.SetIOWait(true); back != nil {
		err = back
	}
	return t.judge(ring.CQE{}, ignoreTimeout(err), true)
}

func ignoreTimeout(err error) error {
	if errors.Is(err, unix.ETIME) {
		return nil
	}
	return err
}

// msgRingSync posts a completion to the trial's own ring from outside of it.
func (t *trial) msgRingSync() finding {
	t.lastID++
	id := t.lastID
	if err := ring.SyncMsgRing(t.r.FD(), 7, id); err != nil {
		return judgeErr(err, ByRegister)
	}
	t.inFlight++ // it comes without having been submitted
	c, err := t.await(id)
	return t.judge(c, err, c.Res == 7)
}

func (t *trial) query() finding {
	_, err := ring.Query()
	return judgeErr(err, ByQuery)
}
