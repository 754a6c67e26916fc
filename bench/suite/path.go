//go:build linux

package suite

import (
	"os"
	"os/exec"
	"path/filepath"
)

// findInPath looks in PATH and in the folders where Debian keeps servers, which a user's PATH lacks.
func findInPath(name string) (string, error) {
	if file, err := exec.LookPath(name); err == nil {
		return file, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		file := filepath.Join(dir, name)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", errNotFound
}
