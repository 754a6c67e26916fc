package main

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"

	"github.com/headrace/headrace/buffers"
	"github.com/headrace/headrace/runtime/fiber"
)

// store is the folder that files are written to. Nothing outside of it can be
// reached: os.Root refuses names and links that lead out. What is not complete is in
// a file of its own, which gets its name when it is.
type store struct {
	root *os.Root

	mu   sync.Mutex
	busy map[string]struct{} // names that an upload writes to
}

// partPrefix begins the names of files that are not complete.
const partPrefix = ".partial-"

func openStore(dir string) (*store, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &store{root: root, busy: make(map[string]struct{})}, nil
}

func (s *store) close() { _ = s.root.Close() } // a folder holds nothing back

// cleanName turns a URL's path into a name inside the folder.
func cleanName(urlPath string) (string, error) {
	name, rooted := strings.CutPrefix(urlPath, "/")
	if !rooted || !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\\x00") {
		return "", refusal{http.StatusBadRequest, "invalid name"}
	}
	if strings.HasPrefix(path.Base(name), partPrefix) {
		return "", refusal{http.StatusForbidden, "reserved name"}
	}
	return name, nil
}

func partName(name string) string { return path.Join(path.Dir(name), partPrefix+path.Base(name)) }

// lock takes a name for one upload.
func (s *store) lock(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.busy[name]; taken {
		return false
	}
	s.busy[name] = struct{}{}
	return true
}

func (s *store) unlock(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, name)
}

// openPart opens the file of an upload that begins at byte off, and returns how much
// is there if that is not where it begins: none of it, and no file, if none has begun.
// The disk is asked off the loop.
func (s *store) openPart(c *fiber.Conn, name string, off int64) (f *os.File, have int64, err error) {
	flags := os.O_RDWR
	if off == 0 {
		flags |= os.O_CREATE // an empty one would hide a complete file
	}
	c.Offload(func() {
		if off == 0 && s.isFolder(name) { // a body is for nothing
			err = &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
			return
		}
		f, err = s.root.OpenFile(partName(name), flags, 0o666)
		if off > 0 && errors.Is(err, fs.ErrNotExist) {
			err = nil
			return
		}
		if err != nil {
			return
		}
		var fi os.FileInfo
		if fi, err = f.Stat(); err == nil {
			have = fi.Size()
			if off == 0 {
				err = f.Truncate(0)
				have = 0
			}
		}
		if err != nil {
			f.Close()
		}
	})
	return f, have, err
}

// finish gives a complete upload its name, at once and for good.
func (s *store) finish(c *fiber.Conn, name string, sync bool) (replaced bool, err error) {
	c.Offload(func() { replaced, err = s.rename(name, sync) })
	return replaced, err
}

// put writes a whole file and gives it its name.
func (s *store) put(c *fiber.Conn, name string, body *buffers.Chain, sync bool) (replaced bool, err error) {
	c.Offload(func() {
		if err = s.write(name, body, sync); err == nil {
			replaced, err = s.rename(name, sync)
		}
	})
	return replaced, err
}

// write writes the file of an upload. The rest of these may block: they run off the loop.
func (s *store) write(name string, body *buffers.Chain, sync bool) error {
	f, err := s.root.OpenFile(partName(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	_, err = body.WriteTo(f)
	if err == nil && sync {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (s *store) rename(name string, sync bool) (replaced bool, err error) {
	_, missing := s.root.Lstat(name)
	err = s.root.Rename(partName(name), name)
	switch {
	case err == nil && sync:
		err = s.syncFolder(path.Dir(name))
	case err != nil && s.isFolder(name):
		_ = s.root.Remove(partName(name)) // going on would not help
	}
	return missing == nil, err
}

// isFolder reports whether a name is a folder's, which no file can replace.
func (s *store) isFolder(name string) bool {
	fi, err := s.root.Lstat(name)
	return err == nil && fi.IsDir()
}

// syncFolder makes a renaming last, where a folder can be flushed.
func (s *store) syncFolder(dir string) error {
	d, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}

// drop removes an upload that is worth nothing.
func (s *store) drop(c *fiber.Conn, name string) {
	c.Offload(func() { _ = s.root.Remove(partName(name)) }) // the next one begins anew anyhow
}

// openComplete opens a complete file.
func (s *store) openComplete(c *fiber.Conn, name string) (f *os.File, size int64, err error) {
	c.Offload(func() {
		if _, err = s.regular(name); err != nil { // a pipe would keep Open waiting
			return
		}
		if f, err = s.root.Open(name); err != nil {
			return
		}
		var fi os.FileInfo
		if fi, err = f.Stat(); err != nil {
			f.Close()
			return
		}
		size = fi.Size()
	})
	return f, size, err
}

// size tells how much of a file is there. An upload that is under way or broke off
// comes before the file that it is to replace.
func (s *store) size(c *fiber.Conn, name string) (have int64, complete bool, err error) {
	c.Offload(func() {
		var fi os.FileInfo
		if fi, err = s.root.Stat(partName(name)); err == nil {
			have = fi.Size()
			return
		}
		if fi, err = s.regular(name); err == nil {
			have, complete = fi.Size(), true
		}
	})
	return have, complete, err
}

// regular is Stat of a plain file; other things are not there.
func (s *store) regular(name string) (os.FileInfo, error) {
	fi, err := s.root.Stat(name)
	if err == nil && !fi.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	return fi, err
}
