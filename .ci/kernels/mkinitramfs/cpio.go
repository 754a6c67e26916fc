package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
)

// Mode bits as stat(2) has them; a cpio archive stores them so.
const (
	modeDir  = 0o040000
	modeFile = 0o100000
)

// archive collects the files of an initramfs by their path, without a leading slash.
type archive map[string]file

type file struct {
	mode fs.FileMode
	body []byte
}

func (a archive) add(name string, mode fs.FileMode, body []byte) { a[name] = file{mode, body} }

// writeTo writes the archive in cpio's "newc" form, the one the kernel unpacks (its documentation:
// driver-api/early-userspace/buffer-format). Folders come before what is in them.
func (a archive) writeTo(w io.Writer) error {
	folders := map[string]bool{}
	for name := range a {
		for d := path.Dir(name); d != "."; d = path.Dir(d) {
			folders[d] = true
		}
	}
	names := make([]string, 0, len(a)+len(folders))
	for name := range a {
		names = append(names, name)
	}
	for d := range folders {
		names = append(names, d)
	}
	sort.Strings(names) // a folder sorts before the paths that it starts

	out := &cpio{w: w}
	for _, name := range names {
		if folders[name] {
			out.entry(name, modeDir|0o755, nil)
			continue
		}
		f := a[name]
		out.entry(name, modeFile|uint32(f.mode.Perm()), f.body)
	}
	out.entry("TRAILER!!!", 0, nil)
	return out.err
}

// save writes the archive to a file, which is whole or not there.
func (a archive) save(name string) error {
	tmp := name + ".part"
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	if err := errors.Join(a.writeTo(f), f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

// cpio writes entries and remembers the first error.
type cpio struct {
	w     io.Writer
	inode uint32
	err   error
}

func (c *cpio) entry(name string, mode uint32, body []byte) {
	c.inode++
	fields := []uint32{
		c.inode, mode, 0, 0, // inode, mode, uid, gid
		1, 0, uint32(len(body)), // links, mtime, size
		0, 0, 0, 0, // device and special file: major, minor
		uint32(len(name) + 1), 0, // name with its NUL; no checksum
	}
	var head strings.Builder
	head.WriteString("070701")
	for _, f := range fields {
		fmt.Fprintf(&head, "%08X", f)
	}
	head.WriteString(name)
	head.WriteByte(0)
	c.padded([]byte(head.String()))
	c.padded(body)
}

// padded writes b and zeroes up to a multiple of four bytes.
func (c *cpio) padded(b []byte) {
	for _, part := range [][]byte{b, make([]byte, -len(b)&3)} {
		if c.err == nil {
			_, c.err = c.w.Write(part)
		}
	}
}
