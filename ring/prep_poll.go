//go:build linux

package ring

// Flags of poll entries, kept in SQE.Len; the comment gives the uapi name and first kernel.
const (
	PollAddMulti       uint32 = 1 << iota // IORING_POLL_ADD_MULTI, 5.13
	PollUpdateEvents                      // IORING_POLL_UPDATE_EVENTS, 5.13
	PollUpdateUserData                    // IORING_POLL_UPDATE_USER_DATA, 5.13
	PollAddLevel                          // IORING_POLL_ADD_LEVEL, 6.0
)

// PrepPollAdd waits until fd is ready for one of the events in mask, once (io_uring_prep_poll_add, 5.1). The
// result is the ready mask, as poll(2) would return it.
func (s *SQE) PrepPollAdd(fd int, mask uint32) {
	s.prep(OpPollAdd, fd, 0, 0, 0)
	s.OpFlags = pollEvents(mask)
}

// PrepPollMultishot is PrepPollAdd that stays armed (io_uring_prep_poll_multishot, 5.13). It reports edges:
// drain the descriptor until EAGAIN.
func (s *SQE) PrepPollMultishot(fd int, mask uint32) {
	s.PrepPollAdd(fd, mask)
	s.Len = PollAddMulti
}

// PrepPollRemove ends the poll request with this user data (io_uring_prep_poll_remove, 5.1), which completes
// with ECANCELED. ENOENT: there is none; EALREADY: it is completing now.
func (s *SQE) PrepPollRemove(userData uint64) {
	s.prep(OpPollRemove, -1, userData, 0, 0)
}

// PrepPollUpdate changes a poll request in place (io_uring_prep_poll_update, 5.13): its mask with
// PollUpdateEvents, its user data with PollUpdateUserData.
func (s *SQE) PrepPollUpdate(oldUserData, newUserData uint64, mask, flags uint32) {
	s.prep(OpPollRemove, -1, oldUserData, flags, newUserData)
	s.OpFlags = pollEvents(mask)
}
