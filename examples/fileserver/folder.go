package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The cache of open files: as many as are worth their descriptors, looked at
// again so often.
const (
	maxEntries = 1024
	freshFor   = time.Second
)

// folder is the folder served, with its open files. Nothing outside of it can be
// reached: os.Root refuses paths and links that lead out.
type folder struct {
	root    *os.Root
	handler http.Handler // for what is not a plain file

	mu      sync.Mutex
	entries map[string]*entry
}

// entry is an open file and what every answer says about it.
type entry struct {
	path    string // the name, as localName made it
	file    *os.File
	size    int64
	modTime time.Time
	head    []byte // header of a full answer, from Content-Type on
	etag    string
	ctype   string
	refs    atomic.Int32
	checked atomic.Int64 // unix nanoseconds
	plain   atomic.Pointer[datedHead]
}

func openFolder(name string) (*folder, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	d := &folder{root: root, entries: make(map[string]*entry)}
	d.handler = http.FileServerFS(plainFS{d})
	return d, nil
}

// plainFS is the folder as net/http may see it.
type plainFS struct{ d *folder }

// Open opens files and folders.
func (p plainFS) Open(name string) (fs.File, error) {
	fi, err := p.d.root.Stat(name)
	if err == nil && !fi.IsDir() {
		err = servable(fi)
	}
	switch {
	case err == nil:
		return p.d.root.Open(name)
	case errors.Is(err, fs.ErrPermission):
		return nil, err
	}
	return nil, fs.ErrNotExist // of links that lead out, too
}

func (d *folder) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, e := range d.entries {
		delete(d.entries, name)
		e.release()
	}
	_ = d.root.Close() // read-only
}

// errNotPlain is the answer for folders.
var errNotPlain = errors.New("not a plain file")

// servable is what else can not be served, whoever may read it: to open a pipe may
// take for ever, and a device has no end.
func servable(fi fs.FileInfo) error {
	if fi.Mode().IsRegular() {
		return nil
	}
	return &fs.PathError{Op: "open", Path: fi.Name(), Err: fs.ErrPermission}
}

// index is what a folder is served by.
const index = "index.html"

// localName turns a URL's path into a name inside the folder; that of a folder ends
// with a slash.
func localName(urlPath string) (string, error) {
	for s := range strings.SplitSeq(urlPath, "/") {
		if s == ".." {
			return "", fs.ErrInvalid
		}
	}
	if strings.ContainsRune(urlPath, 0) {
		return "", fs.ErrInvalid
	}
	name := strings.TrimPrefix(path.Clean("/"+urlPath), "/")
	switch {
	case name == "", strings.HasSuffix(urlPath, "/"):
		return name + "/", nil
	case path.Base(name) == index:
		return name, errNotPlain // the other handler redirects
	}
	return name, nil
}

// cached returns the entry for a name if it was looked at lately. The caller
// releases it.
func (d *folder) cached(name string, now time.Time) *entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.entries[name].fresh(now)
}

// cachedBytes is cached without a string.
func (d *folder) cachedBytes(name []byte, now time.Time) *entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.entries[string(name)].fresh(now)
}

// fresh takes the entry for a caller, if it was looked at lately.
func (e *entry) fresh(now time.Time) *entry {
	if e == nil || now.UnixNano()-e.checked.Load() > int64(freshFor) {
		return nil
	}
	e.refs.Add(1)
	return e
}

// fileName is the file that a name stands for.
func fileName(name string) string {
	if folder, ok := strings.CutSuffix(name, "/"); ok {
		return path.Join(folder, index)
	}
	return name
}

// open opens a file, or looks whether the entry that there is still holds. It may
// block. The caller releases the entry.
func (d *folder) open(name string) (*entry, error) {
	fi, err := d.root.Stat(fileName(name))
	switch {
	case err != nil:
		return nil, err
	case fi.IsDir():
		return nil, errNotPlain
	case servable(fi) != nil:
		return nil, servable(fi)
	}
	d.mu.Lock()
	e := d.entries[name]
	if e != nil && e.size == fi.Size() && e.modTime.Equal(fi.ModTime()) {
		e.checked.Store(time.Now().UnixNano())
		e.refs.Add(1)
		d.mu.Unlock()
		return e, nil
	}
	d.mu.Unlock()
	if e, err = d.newEntry(name); err != nil {
		return nil, err
	}
	d.keep(e)
	return e, nil
}

// keep puts an entry into the cache.
func (d *folder) keep(e *entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if old := d.entries[e.path]; old != nil {
		old.release()
	} else if len(d.entries) >= maxEntries {
		for name, victim := range d.entries { // any one
			delete(d.entries, name)
			victim.release()
			break
		}
	}
	e.refs.Add(1)
	d.entries[e.path] = e
}

func (d *folder) newEntry(name string) (*entry, error) {
	f, err := d.root.Open(fileName(name))
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil {
		err = servable(fi)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	e := &entry{path: name, file: f, size: fi.Size(), modTime: fi.ModTime()}
	e.refs.Store(1)
	e.checked.Store(time.Now().UnixNano())
	e.etag = fmt.Sprintf(`"%x-%x"`, e.modTime.UnixNano(), e.size)
	if e.ctype = mime.TypeByExtension(path.Ext(fileName(name))); e.ctype == "" {
		e.ctype = sniff(f)
	}
	var h headWriter
	h.field("Content-Type", e.ctype)
	h.field("Content-Length", strconv.FormatInt(e.size, 10))
	h.field("Last-Modified", e.modTime.UTC().Format(http.TimeFormat))
	h.field("Etag", e.etag)
	h.field("Accept-Ranges", "bytes")
	e.head = h.end()
	return e, nil
}

// sniff guesses a type from the first bytes, as net/http does.
func sniff(f *os.File) string {
	const enough = 512
	buf := make([]byte, enough)
	n, _ := f.ReadAt(buf, 0) // what can not be read looks like an empty file
	return http.DetectContentType(buf[:n])
}

// release gives the entry back; the last one closes the file.
func (e *entry) release() {
	if e.refs.Add(-1) == 0 {
		e.file.Close()
	}
}

// view is an entry as http.ServeContent reads it: files are shared by requests,
// so each has an offset of its own.
type view struct {
	entry *entry
	off   int64
}

// Read reads from the file; only bodies that can not be sent as files come here.
func (v *view) Read(p []byte) (int, error) {
	n, err := v.entry.file.ReadAt(p, v.off)
	v.off += int64(n)
	return n, err
}

// Seek sets the offset.
func (v *view) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += v.off
	case io.SeekEnd:
		off += v.entry.size
	}
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	v.off = off
	return off, nil
}
