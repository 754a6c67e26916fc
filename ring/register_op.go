package ring

import "strconv"

// RegisterOp is an opcode of io_uring_register(2), for AllowRegisterOp, and to read QueryOpcodes by.
type RegisterOp uint8

// Register opcodes in kernel order; the comment gives the uapi name and the first kernel.
const (
	RegisterBuffers        RegisterOp = iota // IORING_REGISTER_BUFFERS, 5.1
	UnregisterBuffers                        // IORING_UNREGISTER_BUFFERS, 5.1
	RegisterFiles                            // IORING_REGISTER_FILES, 5.1
	UnregisterFiles                          // IORING_UNREGISTER_FILES, 5.1
	RegisterEventFD                          // IORING_REGISTER_EVENTFD, 5.2
	UnregisterEventFD                        // IORING_UNREGISTER_EVENTFD, 5.2
	RegisterFilesUpdate                      // IORING_REGISTER_FILES_UPDATE, 5.5
	RegisterEventFDAsync                     // IORING_REGISTER_EVENTFD_ASYNC, 5.6
	RegisterProbe                            // IORING_REGISTER_PROBE, 5.6
	RegisterPersonality                      // IORING_REGISTER_PERSONALITY, 5.6
	UnregisterPersonality                    // IORING_UNREGISTER_PERSONALITY, 5.6
	RegisterRestrictions                     // IORING_REGISTER_RESTRICTIONS, 5.10
	RegisterEnableRings                      // IORING_REGISTER_ENABLE_RINGS, 5.10
	RegisterFiles2                           // IORING_REGISTER_FILES2, 5.13
	RegisterFilesUpdate2                     // IORING_REGISTER_FILES_UPDATE2, 5.13
	RegisterBuffers2                         // IORING_REGISTER_BUFFERS2, 5.13
	RegisterBuffersUpdate                    // IORING_REGISTER_BUFFERS_UPDATE, 5.13
	RegisterIOWQAff                          // IORING_REGISTER_IOWQ_AFF, 5.14
	UnregisterIOWQAff                        // IORING_UNREGISTER_IOWQ_AFF, 5.14
	RegisterIOWQMaxWorkers                   // IORING_REGISTER_IOWQ_MAX_WORKERS, 5.15
	RegisterRingFDs                          // IORING_REGISTER_RING_FDS, 5.18
	UnregisterRingFDs                        // IORING_UNREGISTER_RING_FDS, 5.18
	RegisterPBufRing                         // IORING_REGISTER_PBUF_RING, 5.19
	UnregisterPBufRing                       // IORING_UNREGISTER_PBUF_RING, 5.19
	RegisterSyncCancel                       // IORING_REGISTER_SYNC_CANCEL, 6.0
	RegisterFileAllocRange                   // IORING_REGISTER_FILE_ALLOC_RANGE, 6.0
	RegisterPBufStatus                       // IORING_REGISTER_PBUF_STATUS, 6.8
	RegisterNAPI                             // IORING_REGISTER_NAPI, 6.9
	UnregisterNAPI                           // IORING_UNREGISTER_NAPI, 6.9
	RegisterClock                            // IORING_REGISTER_CLOCK, 6.12
	RegisterCloneBuffers                     // IORING_REGISTER_CLONE_BUFFERS, 6.12
	RegisterSendMsgRing                      // IORING_REGISTER_SEND_MSG_RING, 6.13
	RegisterZCRXIfq                          // IORING_REGISTER_ZCRX_IFQ, 6.15
	RegisterResizeRings                      // IORING_REGISTER_RESIZE_RINGS, 6.13
	RegisterMemRegion                        // IORING_REGISTER_MEM_REGION, 6.13
	RegisterQuery                            // IORING_REGISTER_QUERY, 6.18
)

var registerNames = [...]string{
	RegisterBuffers:        "REGISTER_BUFFERS",
	UnregisterBuffers:      "UNREGISTER_BUFFERS",
	RegisterFiles:          "REGISTER_FILES",
	UnregisterFiles:        "UNREGISTER_FILES",
	RegisterEventFD:        "REGISTER_EVENTFD",
	UnregisterEventFD:      "UNREGISTER_EVENTFD",
	RegisterFilesUpdate:    "REGISTER_FILES_UPDATE",
	RegisterEventFDAsync:   "REGISTER_EVENTFD_ASYNC",
	RegisterProbe:          "REGISTER_PROBE",
	RegisterPersonality:    "REGISTER_PERSONALITY",
	UnregisterPersonality:  "UNREGISTER_PERSONALITY",
	RegisterRestrictions:   "REGISTER_RESTRICTIONS",
	RegisterEnableRings:    "REGISTER_ENABLE_RINGS",
	RegisterFiles2:         "REGISTER_FILES2",
	RegisterFilesUpdate2:   "REGISTER_FILES_UPDATE2",
	RegisterBuffers2:       "REGISTER_BUFFERS2",
	RegisterBuffersUpdate:  "REGISTER_BUFFERS_UPDATE",
	RegisterIOWQAff:        "REGISTER_IOWQ_AFF",
	UnregisterIOWQAff:      "UNREGISTER_IOWQ_AFF",
	RegisterIOWQMaxWorkers: "REGISTER_IOWQ_MAX_WORKERS",
	RegisterRingFDs:        "REGISTER_RING_FDS",
	UnregisterRingFDs:      "UNREGISTER_RING_FDS",
	RegisterPBufRing:       "REGISTER_PBUF_RING",
	UnregisterPBufRing:     "UNREGISTER_PBUF_RING",
	RegisterSyncCancel:     "REGISTER_SYNC_CANCEL",
	RegisterFileAllocRange: "REGISTER_FILE_ALLOC_RANGE",
	RegisterPBufStatus:     "REGISTER_PBUF_STATUS",
	RegisterNAPI:           "REGISTER_NAPI",
	UnregisterNAPI:         "UNREGISTER_NAPI",
	RegisterClock:          "REGISTER_CLOCK",
	RegisterCloneBuffers:   "REGISTER_CLONE_BUFFERS",
	RegisterSendMsgRing:    "REGISTER_SEND_MSG_RING",
	RegisterZCRXIfq:        "REGISTER_ZCRX_IFQ",
	RegisterResizeRings:    "REGISTER_RESIZE_RINGS",
	RegisterMemRegion:      "REGISTER_MEM_REGION",
	RegisterQuery:          "REGISTER_QUERY",
}

// String names op as the kernel does, without the IORING_ prefix: "REGISTER_BUFFERS".
func (op RegisterOp) String() string {
	if int(op) < len(registerNames) {
		return registerNames[op]
	}
	return "REGISTER_" + strconv.Itoa(int(op))
}
