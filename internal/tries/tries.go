// Package tries spaces out tries that are in vain.
package tries

// maxSkips is how many tries are left out at most after one in vain.
const maxSkips = 63

// Skips says which tries to leave out: each one in vain doubles how many come to
// nothing after it, until one is not in vain. The zero value leaves out none.
type Skips struct {
	left uint8 // tries to leave out
	next uint8 // after the next one in vain
}

// LeaveOut reports whether this try is to be left out.
func (s *Skips) LeaveOut() bool {
	if s.left == 0 {
		return false
	}
	s.left--
	return true
}

// Tell says how a try that was not left out ended.
func (s *Skips) Tell(paid bool) {
	if paid {
		s.next = 0
		return
	}
	s.left = s.next
	s.next = min(2*s.next+1, maxSkips)
}
