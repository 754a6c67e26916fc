//go:build linux

// Package build makes the programs that the benchmark runs.
package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/headrace/headrace/bench/suite"
)

// All builds everything and returns where it is; with again false it only says where. It runs in the
// bench folder. A C server or a peer that can not be built is told on w and left out, and what an
// earlier build left of it is removed: a stale program must not be measured.
func All(ctx context.Context, w io.Writer, again bool) (suite.Places, error) {
	here, err := filepath.Abs(".")
	if err != nil {
		return suite.Places{}, err
	}
	if _, err := os.Stat(filepath.Join(here, "floor", "Makefile")); err != nil {
		return suite.Places{}, errors.New("run it in the bench folder of the project")
	}
	p := suite.Places{Bin: filepath.Join(here, ".bin"), Floor: filepath.Join(here, "floor", "bin"),
		Examples: filepath.Join(here, ".bin", "examples")}
	if !again {
		return p, nil
	}
	fmt.Fprintln(w, "building …")
	if err := command(ctx, here, "go", "build", "-o", p.Bin+"/", "./cmd/peer", "./cmd/load"); err != nil {
		return p, err
	}
	optional := func(what string, err error) {
		if err != nil {
			fmt.Fprintf(w, "left out: %s: %v\n", what, err)
		}
	}
	os.Remove(filepath.Join(p.Bin, "peer-iouring-go"))
	optional("iouring-go", command(ctx, here, "go", "build", "-tags", "iouringgo",
		"-ldflags=-checklinkname=0", "-o", p.Bin+"/", "./cmd/peer-iouring-go"))
	os.Remove(filepath.Join(p.Bin, "peer-headrace"))
	optional("fasthttp on fibers", command(ctx, here, "go", "build", "-o", p.Bin+"/", "./cmd/peer-headrace"))
	optional("floor/ (gcc, liburing-dev)", command(ctx, here, "make", "-s", "-k", "-C", "floor"))
	optional("the examples", Examples(ctx, filepath.Dir(here), p.Examples))
	return p, ctx.Err()
}

// Examples builds the example programs of the checkout at root into dir, which is emptied first.
func Examples(ctx context.Context, root, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	mains, err := filepath.Glob(filepath.Join(root, "examples", "*", "main.go"))
	if err != nil {
		return err
	}
	if len(mains) == 0 {
		return errors.New("there are none")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	// One by one, so that one that does not build costs only itself.
	for _, m := range mains {
		if _, e := os.Stat(filepath.Join(filepath.Dir(m), "go.mod")); e == nil {
			continue // a module of its own, and no server
		}
		folder := "./examples/" + filepath.Base(filepath.Dir(m))
		if e := command(ctx, root, "go", "build", "-o", dir+"/", folder); e != nil {
			err = errors.Join(err, e)
		}
	}
	return err
}

func command(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, firstLines(out))
	}
	return nil
}

func firstLines(out []byte) string {
	lines := strings.SplitN(strings.TrimSpace(string(out)), "\n", 6)
	return strings.Join(lines[:min(len(lines), 5)], "\n")
}
