//go:build linux

package load

import "fmt"

// slowReceiveBuffer is what a slow peer's kernel holds for it: the server has to keep the rest.
const slowReceiveBuffer = 16 << 10

func newProto(spec *Spec) (proto, error) {
	switch spec.Kind {
	case Echo:
		return &echoProto{batch: spec.Size * spec.Depth, depth: spec.Depth}, nil
	}
	return nil, fmt.Errorf("load: unknown kind of traffic %q", spec.Kind)
}
