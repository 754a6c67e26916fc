package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const pieceSize = 16 << 10

// echo sends a stream in pieces and looks at what comes back.
func (c *client) echo(name string) error {
	conn, err := c.dial(name)
	if err != nil {
		return err
	}
	defer conn.Close()
	size := c.size()
	middle := c.r.Int64N(size)
	wrote := make(chan error, 1)
	go func() { wrote <- c.send(conn, size) }()
	err = c.compare(conn, c.stream, 0, size, middle, conn)
	if err == nil {
		var more [1]byte
		if n, end := conn.Read(more[:]); n > 0 || end != io.EOF {
			err = wrong("%s: after all was echoed came %d bytes and %v", name, n, end)
		}
	}
	conn.Close()
	return errors.Join(err, unlessGone(err, <-wrote))
}

// unlessGone leaves out what writing says after reading failed.
func unlessGone(err, wrote error) error {
	if err != nil {
		return nil
	}
	return wrote
}

// send writes the client's stream and ends it.
func (c *client) send(conn *net.TCPConn, size int64) error {
	var buf [pieceSize]byte
	for off := int64(0); off < size; {
		p := buf[:min(size-off, pieceSize)]
		pattern(c.stream, off, p)
		n, err := conn.Write(p)
		if off += int64(n); err != nil {
			return err
		}
	}
	return conn.CloseWrite()
}

// compare reads n bytes of a stream from off, with something happening in the middle.
func (c *client) compare(r io.Reader, stream uint64, off, n, middle int64, conn *net.TCPConn) error {
	var buf, scratch [pieceSize]byte
	for seen := int64(0); seen < n; {
		k, err := r.Read(buf[:min(n-seen, pieceSize)])
		if bad := c.check(stream, off+seen, buf[:k], scratch[:]); bad != nil {
			return bad
		}
		if seen <= middle && seen+int64(k) > middle {
			if err := c.between(conn); err != nil {
				return err
			}
		}
		if seen += int64(k); seen < n && err != nil {
			if err == io.EOF {
				err = wrong("an orderly end after %d bytes of %d", seen, n)
			}
			return err
		}
	}
	return nil
}

// The file server's files: their name is their stream.
var fileSizes = []int64{0, 1, 1000, 4096, 20_000, 200_000, 2 << 20}

func makeFiles(dir string) error {
	for i, size := range fileSizes {
		p := make([]byte, size)
		pattern(uint64(i), 0, p)
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), p, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// download gets some files or parts of them.
func (c *client) download(name string) error {
	var some []int
	for range 1 + c.r.IntN(4) {
		some = append(some, c.r.IntN(len(fileSizes)))
	}
	return c.downloadThese(name, some)
}

// downloadThese gets files or parts of them, on one connection.
func (c *client) downloadThese(name string, files []int) error {
	conn, err := c.dial(name)
	if err != nil {
		return err
	}
	defer conn.Close()
	var stream io.ReadWriter = conn
	if name == "fileserver https" {
		stream = tls.Client(conn, c.fleet.trust)
	}
	r := bufio.NewReader(stream)
	for _, file := range files {
		off, n, ranged := int64(0), fileSizes[file], ""
		if n > 1 && c.r.IntN(2) == 0 {
			off = c.r.Int64N(n)
			n = 1 + c.r.Int64N(n-off)
			ranged = fmt.Sprintf("Range: bytes=%d-%d\r\n", off, off+n-1)
		}
		if _, err := fmt.Fprintf(stream, "GET /%d HTTP/1.1\r\nHost: soak\r\n%s\r\n", file, ranged); err != nil {
			return err
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		if resp.ContentLength != n || resp.StatusCode/100 != 2 {
			return wrong("file %d from %d: status %d, length %d and not %d", file, off, resp.StatusCode,
				resp.ContentLength, n)
		}
		middle := int64(-1)
		if n > 0 {
			middle = c.r.Int64N(n)
		}
		if err := c.compare(resp.Body, uint64(file), off, n, middle, conn); err != nil {
			return err
		}
	}
	return nil
}

// upload puts a file, and looks at it on disk when it was confirmed.
func (c *client) upload() error {
	conn, err := c.dial("upload")
	if err != nil {
		return err
	}
	defer conn.Close()
	size, name := c.size(), fmt.Sprintf("file-%d.bin", c.stream)
	defer c.remove(name)
	chunked := c.r.IntN(2) == 0
	length := fmt.Sprintf("Content-Length: %d", size)
	if chunked {
		length = "Transfer-Encoding: chunked"
	}
	if _, err := fmt.Fprintf(conn, "PUT /%s HTTP/1.1\r\nHost: soak\r\n%s\r\n\r\n", name, length); err != nil {
		return err
	}
	middle := c.r.Int64N(size)
	for off := int64(0); off < size; {
		p := make([]byte, min(size-off, 1+c.r.Int64N(pieceSize)))
		pattern(c.stream, off, p)
		if chunked {
			p = fmt.Appendf(nil, "%x\r\n%s\r\n", len(p), p)
		}
		if _, err := conn.Write(p); err != nil {
			return err
		}
		if chunked {
			p = p[strings.Index(string(p[:min(len(p), 20)]), "\n")+1 : len(p)-2]
		}
		if off <= middle && off+int64(len(p)) > middle {
			if err := c.between(conn); err != nil {
				return err
			}
		}
		off += int64(len(p))
	}
	if chunked {
		if _, err := io.WriteString(conn, "0\r\n\r\n"); err != nil {
			return err
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return wrong("upload: status %d", resp.StatusCode)
	}
	f, err := os.Open(filepath.Join(c.fleet.uploads, name))
	if err != nil {
		return wrong("confirmed, and not there: %w", err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || st.Size() != size {
		return wrong("confirmed, and not %d bytes: %v, %v", size, st, err)
	}
	return c.compare(f, c.stream, 0, size, -1, conn)
}

// remove removes an upload, and what is left of one that was broken off. The server
// may still be about to write: this client has gone without a word.
func (c *client) remove(name string) {
	left, _ := filepath.Glob(filepath.Join(c.fleet.uploads, name+"*"))
	for _, l := range left {
		_ = os.Remove(l)
	}
}

// hello asks for the greeting, several times.
func (c *client) hello(name string) error {
	conn, err := c.dial(name)
	if err != nil {
		return err
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for i := range 1 + c.r.IntN(20) {
		if i > 0 {
			if err := c.between(conn); err != nil {
				return err
			}
		}
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: soak\r\n\r\n"); err != nil {
			return err
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		if string(body) != "Hello, World!\n" {
			return wrong("%s said %q", name, body)
		}
		c.checked.Add(int64(len(body)))
	}
	return nil
}
