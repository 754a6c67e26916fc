package stdnet

import "fmt"

// Mode says where connections wait and where their bytes go through. It
// implements encoding.TextUnmarshaler, so that flag.TextVar reads it.
type Mode uint8

const (
	// Auto moves connections by load: see the package comment.
	Auto Mode = iota
	// Loop keeps connections on the runtime's loops.
	Loop
	// Poller keeps connections in Go's netpoller, as package net does.
	Poller

	// roam moves connections whenever they can be: for tests.
	roam
)

var modeNames = [...]string{"auto", "loop", "poller", "roam"}

// String returns auto, loop or poller.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// MarshalText returns the name.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText accepts auto, loop and poller.
func (m *Mode) UnmarshalText(text []byte) error {
	for i, name := range modeNames[:Poller+1] {
		if name == string(text) {
			*m = Mode(i)
			return nil
		}
	}
	return fmt.Errorf("unknown mode %q (have auto, loop, poller)", text)
}
