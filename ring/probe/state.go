package probe

import "fmt"

// State is what is known of a feature.
type State uint8

// The zero State is Unknown: nothing was found out.
const (
	Unknown State = iota
	Yes
	No
)

var stateNames = [...]string{Unknown: "unknown", Yes: "yes", No: "no"}

// String returns unknown, yes or no.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// MarshalText gives the JSON form, the same word as [State.String].
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what [State.MarshalText] wrote.
func (s *State) UnmarshalText(text []byte) error {
	for i, name := range stateNames {
		if name == string(text) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("probe: unknown state %q", text)
}

// Status is the outcome of one [Gate].
type Status string

// A gate that fails blocks io_uring; one that warns costs some of its service;
// one that is skipped could not be read and says nothing.
const (
	StatusOK      Status = "ok"
	StatusWarn    Status = "warn"
	StatusFail    Status = "fail"
	StatusSkipped Status = "skip"
)
