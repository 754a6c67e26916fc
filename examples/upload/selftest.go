package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// selfTest uploads a file and fetches it again.
func selfTest(base string) error {
	const size = 1 << 20
	client := http.Client{Timeout: time.Minute}
	defer client.CloseIdleConnections()
	data := bytes.Repeat([]byte("uploaded by -selftest\n"), size/22)
	sum := sha256.Sum256(data)
	target := base + "/headrace-selftest"
	req, err := http.NewRequest(http.MethodPut, target, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set(digestField, formatDigest(sum[:]))
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusOK {
		return fmt.Errorf("PUT: %s", res.Status)
	}
	if res, err = client.Get(target); err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err == nil && !bytes.Equal(got, data) {
		err = errors.New("what was uploaded is not what came back")
	}
	return err
}
