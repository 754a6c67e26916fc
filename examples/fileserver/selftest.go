package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
)

// selfTestFiles bounds how many files selfTest fetches.
const selfTestFiles = 100

// selfTest fetches files of the folder from the server, whole and in part, and
// compares them with what is on the disk.
func selfTest(client *http.Client, base, root string) error {
	defer client.CloseIdleConnections()
	checked := 0
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || path.Base(name) == "index.html" {
			return err
		}
		if checked++; checked > selfTestFiles {
			return fs.SkipAll
		}
		want, err := os.ReadFile(path.Join(root, name))
		if err != nil {
			return err
		}
		target := base + "/" + (&url.URL{Path: name}).EscapedPath()
		if err := check(client, target, "", want); err != nil || len(want) < 2 {
			return err
		}
		return check(client, target, fmt.Sprintf("bytes=1-%d", len(want)-1), want[1:])
	})
	if err == nil && checked == 0 {
		return fmt.Errorf("nothing in %s to fetch", root)
	}
	return err
}

func check(client *http.Client, target, byteRange string, want []byte) error {
	req, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	if byteRange != "" {
		req.Header.Set("Range", byteRange)
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s %s: %s, %d bytes that differ", target, byteRange, res.Status, len(got))
	}
	return nil
}
