package ring

import (
	"strconv"
	"strings"
)

// flagNames holds the kernel's name of each bit, lowest bit first; "" is a bit without a name.
type flagNames []string

// join renders the set bits of v as NAME|NAME, unnamed bits together in hexadecimal, nothing as "0".
func (names flagNames) join(v uint64) string {
	var parts []string
	for bit, name := range names {
		if m := uint64(1) << bit; v&m != 0 && name != "" {
			parts = append(parts, name)
			v &^= m
		}
	}
	if v != 0 {
		parts = append(parts, "0x"+strconv.FormatUint(v, 16))
	}
	if len(parts) == 0 {
		return "0"
	}
	return strings.Join(parts, "|")
}

// SetupFlags are the flags of io_uring_setup(2).
type SetupFlags uint32

// Setup flags; the comment gives the uapi name and the first kernel.
const (
	SetupIOPoll           SetupFlags = 1 << iota // IORING_SETUP_IOPOLL, 5.1
	SetupSQPoll                                  // IORING_SETUP_SQPOLL, 5.1
	SetupSQAff                                   // IORING_SETUP_SQ_AFF, 5.1
	SetupCQSize                                  // IORING_SETUP_CQSIZE, 5.5
	SetupClamp                                   // IORING_SETUP_CLAMP, 5.6
	SetupAttachWQ                                // IORING_SETUP_ATTACH_WQ, 5.6
	SetupRDisabled                               // IORING_SETUP_R_DISABLED, 5.10
	SetupSubmitAll                               // IORING_SETUP_SUBMIT_ALL, 5.18
	SetupCoopTaskrun                             // IORING_SETUP_COOP_TASKRUN, 5.19
	SetupTaskrunFlag                             // IORING_SETUP_TASKRUN_FLAG, 5.19
	SetupSQE128                                  // IORING_SETUP_SQE128, 5.19
	SetupCQE32                                   // IORING_SETUP_CQE32, 5.19
	SetupSingleIssuer                            // IORING_SETUP_SINGLE_ISSUER, 6.0
	SetupDeferTaskrun                            // IORING_SETUP_DEFER_TASKRUN, 6.1
	SetupNoMmap                                  // IORING_SETUP_NO_MMAP, 6.5
	SetupRegisteredFDOnly                        // IORING_SETUP_REGISTERED_FD_ONLY, 6.5
	SetupNoSQArray                               // IORING_SETUP_NO_SQARRAY, 6.6
	SetupHybridIOPoll                            // IORING_SETUP_HYBRID_IOPOLL, 6.13
	SetupCQEMixed                                // IORING_SETUP_CQE_MIXED, 6.18
)

var setupNames = flagNames{
	"IOPOLL", "SQPOLL", "SQ_AFF", "CQSIZE", "CLAMP", "ATTACH_WQ", "R_DISABLED", "SUBMIT_ALL",
	"COOP_TASKRUN", "TASKRUN_FLAG", "SQE128", "CQE32", "SINGLE_ISSUER", "DEFER_TASKRUN", "NO_MMAP",
	"REGISTERED_FD_ONLY", "NO_SQARRAY", "HYBRID_IOPOLL", "CQE_MIXED",
}

// String names the set flags as the kernel does, without IORING_SETUP_: "SINGLE_ISSUER|DEFER_TASKRUN".
func (f SetupFlags) String() string { return setupNames.join(uint64(f)) }

// Features are the feature bits that io_uring_setup(2) reports (io_uring_params.features, 5.4).
type Features uint32

// Feature bits; the comment gives the uapi name and the first kernel.
const (
	FeatSingleMmap     Features = 1 << iota // IORING_FEAT_SINGLE_MMAP, 5.4
	FeatNoDrop                              // IORING_FEAT_NODROP, 5.5
	FeatSubmitStable                        // IORING_FEAT_SUBMIT_STABLE, 5.5
	FeatRWCurPos                            // IORING_FEAT_RW_CUR_POS, 5.6
	FeatCurPersonality                      // IORING_FEAT_CUR_PERSONALITY, 5.6
	FeatFastPoll                            // IORING_FEAT_FAST_POLL, 5.7
	FeatPoll32Bits                          // IORING_FEAT_POLL_32BITS, 5.9
	FeatSQPollNonfixed                      // IORING_FEAT_SQPOLL_NONFIXED, 5.11
	FeatExtArg                              // IORING_FEAT_EXT_ARG, 5.11
	FeatNativeWorkers                       // IORING_FEAT_NATIVE_WORKERS, 5.12
	FeatRsrcTags                            // IORING_FEAT_RSRC_TAGS, 5.13
	FeatCQESkip                             // IORING_FEAT_CQE_SKIP, 5.17
	FeatLinkedFile                          // IORING_FEAT_LINKED_FILE, 5.17
	FeatRegRegRing                          // IORING_FEAT_REG_REG_RING, 6.3
	FeatRecvSendBundle                      // IORING_FEAT_RECVSEND_BUNDLE, 6.10
	FeatMinTimeout                          // IORING_FEAT_MIN_TIMEOUT, 6.12
	FeatRWAttr                              // IORING_FEAT_RW_ATTR, 6.14
	FeatNoIOWait                            // IORING_FEAT_NO_IOWAIT, 6.15
)

var featureNames = flagNames{
	"SINGLE_MMAP", "NODROP", "SUBMIT_STABLE", "RW_CUR_POS", "CUR_PERSONALITY", "FAST_POLL",
	"POLL_32BITS", "SQPOLL_NONFIXED", "EXT_ARG", "NATIVE_WORKERS", "RSRC_TAGS", "CQE_SKIP",
	"LINKED_FILE", "REG_REG_RING", "RECVSEND_BUNDLE", "MIN_TIMEOUT", "RW_ATTR", "NO_IOWAIT",
}

// String names the set bits as the kernel does, without IORING_FEAT_: "SINGLE_MMAP|NODROP".
func (f Features) String() string { return featureNames.join(uint64(f)) }

// EnterFlags are the flags of io_uring_enter(2). The Ring sets them itself; Query reports them.
type EnterFlags uint32

// Enter flags; the comment gives the uapi name and the first kernel.
const (
	EnterGetEvents      EnterFlags = 1 << iota // IORING_ENTER_GETEVENTS, 5.1
	EnterSQWakeup                              // IORING_ENTER_SQ_WAKEUP, 5.1
	EnterSQWait                                // IORING_ENTER_SQ_WAIT, 5.10
	EnterExtArg                                // IORING_ENTER_EXT_ARG, 5.11
	EnterRegisteredRing                        // IORING_ENTER_REGISTERED_RING, 5.18
	EnterAbsTimer                              // IORING_ENTER_ABS_TIMER, 6.12
	EnterExtArgReg                             // IORING_ENTER_EXT_ARG_REG, 6.13
	EnterNoIOWait                              // IORING_ENTER_NO_IOWAIT, 6.15
)

var enterNames = flagNames{
	"GETEVENTS", "SQ_WAKEUP", "SQ_WAIT", "EXT_ARG", "REGISTERED_RING", "ABS_TIMER", "EXT_ARG_REG", "NO_IOWAIT",
}

// String names the set flags as the kernel does, without IORING_ENTER_: "GETEVENTS|EXT_ARG".
func (f EnterFlags) String() string { return enterNames.join(uint64(f)) }

// Bits of the submission ring's shared flags word.
const (
	sqNeedWakeup uint32 = 1 << iota // IORING_SQ_NEED_WAKEUP, 5.1
	sqCQOverflow                    // IORING_SQ_CQ_OVERFLOW, 5.8
	sqTaskrun                       // IORING_SQ_TASKRUN, 5.19
)

// cqEventFDDisabled is the one bit of the completion ring's shared flags word
// (IORING_CQ_EVENTFD_DISABLED, 5.8).
const cqEventFDDisabled uint32 = 1
