//go:build linux

package ring

import "unsafe"

// FilesSkip in a list of descriptors leaves the slot as it is (IORING_REGISTER_FILES_SKIP, 5.12).
const FilesSkip int32 = -2

// RegisterFiles makes a table of registered files, which entries with SQEFixedFile then name by their slot
// (io_uring_register_files, 5.1). -1 leaves a slot empty. tags may be nil, or one a file (5.13).
//
// The table keeps the files open by itself: a descriptor may be closed after this call. EBUSY: there is a
// table already. EMFILE: more than RLIMIT_NOFILE.
func (r *Ring) RegisterFiles(fds []int32, tags []uint64) error {
	if err := checkTags(tags, len(fds)); err != nil {
		return err
	}
	data := unsafe.Pointer(unsafe.SliceData(fds))
	if tags == nil {
		return r.register(RegisterFiles, data, uint32(len(fds)))
	}
	return r.registerRsrc(RegisterFiles2, uint32(len(fds)), 0, data, tags)
}

// RegisterFilesSparse makes a table of n empty slots (io_uring_register_files_sparse, 5.19).
func (r *Ring) RegisterFilesSparse(n uint32) error {
	return r.registerRsrc(RegisterFiles2, n, rsrcRegisterSparse, nil, nil)
}

// RegisterFilesUpdate replaces registered files from offset on and returns how many it did
// (io_uring_register_files_update_tag, 5.13). -1 empties a slot, FilesSkip leaves it. Requests in flight keep
// the old file.
func (r *Ring) RegisterFilesUpdate(offset uint32, fds []int32, tags []uint64) (int, error) {
	if err := checkTags(tags, len(fds)); err != nil {
		return 0, err
	}
	data := unsafe.Pointer(unsafe.SliceData(fds))
	return r.updateRsrc(RegisterFilesUpdate2, offset, uint32(len(fds)), data, tags)
}

// UnregisterFiles drops the table (io_uring_unregister_files, 5.1). ENXIO: there is none.
func (r *Ring) UnregisterFiles() error {
	return r.register(UnregisterFiles, nil, 0)
}

// RegisterFileAllocRange limits FileIndexAlloc to the n slots from offset on
// (io_uring_register_file_alloc_range, 6.0).
func (r *Ring) RegisterFileAllocRange(offset, n uint32) error {
	arg := fileIndexRange{off: offset, len: n}
	return r.register(RegisterFileAllocRange, unsafe.Pointer(&arg), 0)
}

// fileIndexRange is struct io_uring_file_index_range.
type fileIndexRange struct {
	off uint32
	len uint32
	_   uint64
}
