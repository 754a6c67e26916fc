//go:build linux

package uring

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/headrace/headrace/ring"
	"github.com/headrace/headrace/runtime/driver"
)

const (
	defaultEntries     = 256
	defaultRecvBuffers = 128
	defaultRecvSize    = 16 << 10

	// cqFactor is how many completions there is room for per submission: multishot
	// requests complete without one.
	cqFactor = 8

	// Caps on the kernel's worker threads; without any there can be thousands.
	boundedWorkers   = 4 // regular files
	unboundedWorkers = 4 // everything else
)

// Open makes an engine for the calling goroutine, which must be locked to its
// thread, and stay so until the engine is closed: the kernel refuses every other
// thread (EEXIST).
//
// Errors wrap the errno of the call that was refused. One for which
// errors.Is(err, errors.ErrUnsupported) holds says that the engine can not run
// here: io_uring is missing or forbidden, or has no multishot receive with buffer
// rings (6.0).
func Open(cfg *driver.Config) (driver.Engine, error) {
	e := &engine{pool: cfg.Pool, log: cfg.Logger, loop: cfg.Loop}
	e.feats.disabled = cfg.Disable
	e.fixed.files = cfg.FixedFiles
	e.waker.fd = -1
	e.arrived = e.somethingCame
	e.slots.init()
	if err := e.open(cfg); err != nil {
		return nil, errors.Join(err, e.undo())
	}
	e.caps = e.makeCaps()
	return e, nil
}

func (e *engine) open(cfg *driver.Config) (err error) {
	for _, name := range needed {
		if slices.Contains(cfg.Disable, name) {
			return fmt.Errorf("uring: %s is disabled and there is no way without: %w", name, errors.ErrUnsupported)
		}
	}
	entries := orDefault(cfg.Entries, defaultEntries)
	err = whileNoMemory(func() (err error) {
		e.ring, err = ring.New(uint32(entries), ring.Params{
			Flags:     e.feats.setupFlags(cfg.RestrictOps),
			CQEntries: uint32(entries * cqFactor),
		})
		return err
	})
	if err != nil {
		return unsupported(fmt.Errorf("uring: %w: %s", err, ring.SetupMeaning(err)),
			unix.EPERM, unix.EACCES, unix.ENOSYS)
	}
	if missing := requiredFeatures &^ e.ring.Features(); missing != 0 {
		return fmt.Errorf("uring: kernel without %s: %w", missing, errors.ErrUnsupported)
	}
	e.arena.init(int(e.ring.SQEntries()))
	if err := e.detect(); err != nil {
		return err
	}
	count := orDefault(cfg.RecvBuffers, defaultRecvBuffers)
	size := orDefault(cfg.RecvBufferSize, defaultRecvSize)
	err = whileNoMemory(func() error { return e.recv.open(e.ring, recvGroup, e.pool, count, size) })
	if err != nil {
		return unsupported(fmt.Errorf("uring: ring of %d receive buffers: %w", count, err), unix.EINVAL)
	}
	if err := e.waker.open(); err != nil {
		return fmt.Errorf("uring: eventfd: %w", err)
	}
	e.crowd.Patience = cfg.BatchWait
	if err := e.openPlace(); err != nil {
		return fmt.Errorf("uring: eventfd to park at: %w", err)
	}
	if cfg.RestrictOps {
		e.restrict()
	}
	if err := e.ring.Enable(); err != nil {
		return fmt.Errorf("uring: %w", err)
	}
	if err := e.tryMultishot(); err != nil {
		return err
	}
	return e.tryEnd()
}

// lockedPatience is how long in all whileNoMemory waits.
const lockedPatience = 200 * time.Millisecond

// whileNoMemory calls try until it answers something else than ENOMEM, for a while.
// Where RLIMIT_MEMLOCK counts rings (6.14), the kernel takes a closed one off the
// account some 20 to 40 ms later: one of the probe's, or of the program's last run.
func whileNoMemory(try func() error) error {
	left := lockedPatience
	err := try()
	for wait := time.Millisecond; errors.Is(err, unix.ENOMEM) && left > 0; wait *= 2 {
		wait = min(wait, left)
		left -= wait
		time.Sleep(wait)
		err = try()
	}
	return err
}

// undo gives back what a failed open has taken.
func (e *engine) undo() error {
	if e.ring == nil {
		return nil
	}
	return e.release()
}

func orDefault(v, def int) int {
	if v <= 0 {
		return def
	}
	return v
}

func (e *engine) makeCaps() driver.Caps {
	return driver.Caps{
		Name:           "io_uring",
		LockThread:     true,
		ReusePort:      true,
		LateRelease:    true,
		Attach:         true,
		SendFile:       true,
		FileHead:       true,
		ZeroCopySend:   e.feats.sendZC,
		ReadNow:        true,
		SegmentOffload: e.feats.segmentOffload,
		MaxSegments:    maxSegments,
		Features:       e.feats.names,
	}
}

// unsupported marks err as errors.ErrUnsupported if it is one of the errnos with
// which a kernel refuses what it does not have or allow.
func unsupported(err error, errnos ...unix.Errno) error {
	for _, errno := range errnos {
		if errors.Is(err, errno) {
			return fmt.Errorf("%w: %w", err, errors.ErrUnsupported)
		}
	}
	return err
}
