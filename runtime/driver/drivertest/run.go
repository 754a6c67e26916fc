package drivertest

import (
	"errors"
	"testing"

	"github.com/headrace/headrace/runtime/driver"
)

// Option changes what [Run] does.
type Option func(*suite)

// Configure changes the configuration that each engine is opened with.
func Configure(f func(*driver.Config)) Option {
	return func(s *suite) { s.configure = append(s.configure, f) }
}

// ZeroAlloc also requires that echoing and sending files allocate nothing in the
// steady state. It is for engines that promise so, and not for the race detector.
func ZeroAlloc() Option { return func(s *suite) { s.zeroAlloc = true } }

// Skip leaves out the named tests, as in "recv/sizes", with the reason why. It is
// for engines that are wrapped to misbehave, not for engines that do.
func Skip(reason string, names ...string) Option {
	return func(s *suite) {
		for _, name := range names {
			s.skip[name] = reason
		}
	}
}

type suite struct {
	open      driver.Open
	configure []func(*driver.Config)
	zeroAlloc bool
	skip      map[string]string
}

// test is one test, and whether it is run once or over each network.
type test struct {
	name   string
	once   func(h *harness)
	stream func(h *harness, k kind)
}

// Run tests an engine. It skips when the engine can not run on this system, that
// is when open answers with errors.ErrUnsupported.
func Run(t *testing.T, open driver.Open, opts ...Option) {
	s := &suite{open: open, skip: map[string]string{}}
	for _, opt := range opts {
		opt(s)
	}
	if err := s.available(t); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("the engine can not run here:", err)
	}
	for _, tt := range tests() {
		t.Run(tt.name, func(t *testing.T) {
			if reason, ok := s.skip[tt.name]; ok {
				t.Skip(reason)
			}
			if tt.once != nil {
				tt.once(s.start(t))
				return
			}
			for _, k := range kinds() {
				t.Run(k.name, func(t *testing.T) { tt.stream(s.start(t), k) })
			}
		})
	}
}

// tests returns all tests, the plain ones first: when an engine is young, those
// that fail first are those to look at first.
func tests() []test {
	var all []test
	for _, group := range [][]test{
		pollTests, acceptTests, connectTests, recvTests, sendTests, cancelTests, closeTests,
		optionTests, fileTests, sendFileTests, spliceTests, attachTests, datagramTests, memoryTests,
		reuseTests, manyTests,
	} {
		all = append(all, group...)
	}
	return all
}
