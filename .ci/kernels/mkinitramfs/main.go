// Command mkinitramfs builds the jobs of a kernel test as static programs and packs them, with the
// init that runs them, into the initramfs that the guest boots. It runs in the repository's root.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"

	"github.com/headrace/headrace/.ci/kernels/guest"
)

func main() {
	jobFile := flag.String("jobs", ".ci/kernels/jobs", "job `file`")
	modules := flag.String("modules", "", "pack the kernel modules of this `folder`, and nothing else")
	out := flag.String("o", "initramfs.cpio", "initramfs to write")
	flag.Parse()
	err := error(nil)
	if *modules != "" {
		err = packModules(*modules, *out)
	} else {
		err = run(*jobFile, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mkinitramfs:", err)
		os.Exit(1)
	}
}

func run(jobFile, out string) error {
	in, err := os.Open(jobFile)
	if err != nil {
		return err
	}
	defer in.Close()
	specs, err := parseJobs(in)
	if err != nil {
		return fmt.Errorf("%s: %w", jobFile, err)
	}
	if len(specs) == 0 {
		return fmt.Errorf("%s lists no job", jobFile)
	}
	work, err := os.MkdirTemp("", "mkinitramfs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	b := builder{files: archive{}, work: work, built: map[string]bool{}}
	if err := b.buildAll(specs); err != nil {
		return err
	}
	return b.files.save(out)
}

func packModules(from, out string) error {
	b := builder{files: archive{}}
	if err := b.addTree(from, guest.ModulesPath); err != nil {
		return err
	}
	return b.files.save(out)
}

// builder fills an archive.
type builder struct {
	files archive
	work  string          // folder for the go command's output
	built map[string]bool // archive paths of the programs that are there
}

func (b *builder) buildAll(specs []spec) error {
	if err := b.goBuild(guest.InitPath, "build", "./.ci/kernels/init"); err != nil {
		return err
	}
	b.files.add("etc/hosts", 0o644, []byte("127.0.0.1 localhost\n::1 localhost\n"))
	jobs := make([]guest.Job, len(specs))
	for i, s := range specs {
		j, err := b.job(s)
		if err != nil {
			return err
		}
		jobs[i] = j
	}
	list, err := json.MarshalIndent(jobs, "", "\t")
	if err != nil {
		return err
	}
	b.files.add(guest.JobsPath, 0o644, list)
	return nil
}

func (b *builder) job(s spec) (guest.Job, error) {
	dir := path.Join("src", s.pkg)
	j := guest.Job{Name: s.name, Dir: "/" + dir, Env: s.env, Timeout: s.timeout}
	b.files.add(path.Join(dir, ".keep"), 0o644, nil)

	if s.kind == "cmd" {
		bin := path.Join("bin", path.Base(s.pkg))
		j.Argv = append([]string{"/" + bin}, s.args...)
		return j, b.goBuild(bin, "build", s.pkg)
	}
	bin := path.Join(dir, path.Base(s.pkg)+".test")
	j.Argv = []string{"/" + bin, "-test.v", "-test.short", "-test.timeout", s.timeout.String()}
	j.Argv = append(j.Argv, s.args...)
	// The test's own alarm, which says what hung, goes off first.
	j.Timeout += s.timeout / 10
	if err := b.addTree(s.pkg+"/testdata", dir+"/testdata"); err != nil {
		return j, err
	}
	return j, b.goBuild(bin, "test", "-c", s.pkg)
}

// goBuild makes a static program for the guest with the given go command and puts it at name.
func (b *builder) goBuild(name string, args ...string) error {
	if b.built[name] {
		return nil
	}
	b.built[name] = true
	out := filepath.Join(b.work, "program")
	verb, args := args[0], args[1:]
	args = append([]string{verb, "-trimpath", "-ldflags=-s -w", "-o", out}, args...)
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go %s: %w", args, err)
	}
	body, err := os.ReadFile(out)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: no test files", args[len(args)-1]) // go test -c succeeds and writes nothing
	}
	if err != nil {
		return err
	}
	b.files.add(name, 0o755, body)
	return os.Remove(out)
}

// addTree adds the regular files under a folder, if there is one.
func (b *builder) addTree(from, to string) error {
	err := filepath.WalkDir(from, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		body, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		b.files.add(path.Join(to, filepath.ToSlash(rel)), 0o644, body)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
