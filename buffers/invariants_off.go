//go:build !invariants

package buffers

// invariants reports whether the checks of the invariants build are compiled
// in. It is a constant so that they cost nothing here.
const invariants = false

// trace remembers where a chunk was taken and released; here it is empty.
type trace struct{}

func (*trace) taken()               {}
func (*trace) released()            {}
func (*trace) releaseStack() string { return "" }

// tracker knows the chunks that are out; here it knows none.
type tracker struct{}

func (*tracker) add(*Chunk)       {}
func (*tracker) remove(*Chunk)    {}
func (*tracker) stacks() []string { return nil }

func poison([]byte)      {}
func checkPoison(*block) {}
