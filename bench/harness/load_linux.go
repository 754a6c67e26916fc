//go:build linux

package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"time"

	"github.com/headrace/headrace/bench/load"
)

// grace is what a run may last longer than its warm-up, duration and patience: connecting.
const grace = 20 * time.Second

// Load runs one load generator against s, in seat, and returns what it measured.
func Load(ctx context.Context, binary string, spec load.Spec, s *Server, seat Seat) (load.Result, error) {
	spec.Addr, spec.Group = s.Addr, s.Group()
	in, err := json.Marshal(spec)
	if err != nil {
		return load.Result{}, err
	}
	var out bytes.Buffer
	cmd := exec.Command(binary)
	cmd.Stdin, cmd.Stdout = bytes.NewReader(in), &out
	cmd.Env = environ("GOMAXPROCS=" + strconv.Itoa(max(spec.Threads, 1)))
	p, err := start(cmd, seat)
	if err != nil {
		return load.Result{}, err
	}
	limit, cancel := context.WithTimeout(ctx, spec.Warmup+spec.Duration+2*spec.Patience+grace)
	defer cancel()
	err = p.wait(limit)
	if crash := s.Crashed(); crash != nil {
		return load.Result{}, crash
	}
	switch {
	case ctx.Err() != nil:
		return load.Result{}, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return load.Result{}, ErrTime
	case err != nil:
		return load.Result{}, fmt.Errorf("%w: %s", err, p.stderr.last())
	}
	var r load.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return r, fmt.Errorf("harness: the generator's answer: %w", err)
	}
	return r, nil
}
