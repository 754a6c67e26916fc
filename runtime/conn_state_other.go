//go:build !linux

package runtime

// wasReset can not tell here.
func (*Conn) wasReset() error { return nil }

// untaken can not tell here.
func (*Conn) untaken() (int, error) { return 0, nil }

// lookShut can not tell here: the first send will.
func (*Conn) lookShut() {}
