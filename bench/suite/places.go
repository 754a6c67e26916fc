//go:build linux

package suite

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/headrace/headrace/bench/harness"
	"github.com/headrace/headrace/bench/load"
	"github.com/headrace/headrace/bench/scenario"
)

// Places are the folders that commands refer to.
type Places struct {
	Bin      string // {bin}: programs of this module
	Floor    string // {floor}: the C servers
	Examples string // {examples}: the project's example programs
	Files    string // the static files
	Cert     string // {cert}: PEM, with {key} beside it
	Key      string
	Scratch  string // for uploads; the files that are written go away after each round
}

// MakeFiles makes a scratch folder with the static files in it. The caller removes p.Scratch.
func (p *Places) MakeFiles() (err error) {
	dir, err := os.MkdirTemp("", "headrace-bench-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	p.Scratch, p.Files = dir, filepath.Join(dir, "static")
	// Servers with a worker of another user must be able to read it.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(p.Files, 0o755); err != nil {
		return err
	}
	for _, size := range scenario.Files {
		if err := load.WriteFile(p.Files+scenario.FileName(size), size); err != nil {
			return err
		}
	}
	p.Cert, p.Key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	return load.WriteCertificate(p.Cert, p.Key)
}

func (p *Places) fill(arg string) string {
	return strings.NewReplacer("{bin}", p.Bin, "{floor}", p.Floor, "{examples}", p.Examples,
		"{cert}", p.Cert, "{key}", p.Key).Replace(arg)
}

// command fills in the folders and finds the program.
func (p *Places) command(c harness.Command) harness.Command {
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		args[i] = p.fill(a)
	}
	if path, err := find(args[0]); err == nil {
		args[0] = path
	}
	c.Args, c.Config = args, p.fill(c.Config)
	return c
}

// missing says why a peer can not serve here, or nothing.
func (p *Places) missing(peer scenario.Peer, serve string) string {
	c, ok := peer.Commands[serve]
	if !ok {
		return "does not serve " + serve
	}
	program := p.fill(c.Args[0])
	if _, err := find(program); err != nil {
		return fmt.Sprintf("%s is not there", filepath.Base(program))
	}
	return ""
}

// find looks for a program in PATH and in the folders where Debian keeps servers, which a user's
// PATH lacks; a program with a slash is looked for where it says.
func find(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err == nil || strings.ContainsRune(program, '/') {
		return path, err
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path, nil
		}
	}
	return "", err
}
