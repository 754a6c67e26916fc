//go:build linux

package load

import "fmt"

func newProto(spec *Spec) (proto, error) {
	switch spec.Kind {
	case Echo:
		return &echoProto{batch: spec.Size * spec.Depth, depth: spec.Depth}, nil
	case Idle:
		if spec.Path != "" {
			h := newHTTP(spec)
			h.once = true
			return h, nil
		}
		return &echoProto{batch: spec.Size, depth: 1, once: true}, nil
	case Open:
		return newOpen(spec)
	case Get, Put:
		return newHTTP(spec), nil
	case TLSGet, TLSChurn:
		return newTLS(spec), nil
	case Slow:
		return newSlow(spec)
	case Dgram:
		return newDgram(spec), nil
	case Churn:
		return &churnProto{size: spec.Size}, nil
	}
	return nil, fmt.Errorf("load: unknown kind of traffic %q", spec.Kind)
}
