//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/headrace/headrace/bench/harness"
	"github.com/headrace/headrace/bench/scenario"
)

// withKnownFlags leaves out the flags that the examples of another commit do not have yet, and tells so.
func withKnownFlags(ctx context.Context, w io.Writer, p scenario.Peer) scenario.Peer {
	commands := map[string]harness.Command{}
	for serve, c := range p.Commands {
		if usage := help(ctx, c.Args[0]); usage != "" {
			var unknown []string
			c.Args, unknown = known(c.Args, usage)
			if len(unknown) > 0 {
				fmt.Fprintf(w, "%s, %s: its %s has no %s\n",
					p.Name, serve, filepath.Base(c.Args[0]), strings.Join(unknown, ", "))
			}
		}
		commands[serve] = c
	}
	p.Commands = commands
	return p
}

// help is what a program prints about its flags, empty where there is no such program.
func help(ctx context.Context, program string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, program, "-h").CombinedOutput() // it may end with a code
	return string(out)
}

// known returns args without the flags that a usage text of package flag lacks, and those.
func known(args []string, usage string) (kept, unknown []string) {
	var flags []string
	for _, line := range strings.Split(usage, "\n") {
		if name, ok := strings.CutPrefix(line, "  -"); ok {
			name, _, _ = strings.Cut(name, " ")
			name, _, _ = strings.Cut(name, "\t")
			flags = append(flags, name)
		}
	}
	kept = args[:1:1]
	for i := 1; i < len(args); i++ {
		name, isFlag := strings.CutPrefix(args[i], "-")
		name, _, joined := strings.Cut(name, "=")
		if !isFlag || slices.Contains(flags, name) {
			kept = append(kept, args[i])
			continue
		}
		unknown = append(unknown, "-"+name)
		if !joined && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			i++ // its value
		}
	}
	return kept, unknown
}
