// Command ringprobe says what this kernel and this container allow of io_uring,
// which engine Headrace will choose here and why, and how to change that.
//
// It only formats. The finding out and the decision are package ring/probe, the
// very calls that the runtime makes. The text is for people and may change; the JSON
// form is numbered by its schema field and may not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/headrace/headrace/ring/probe"
)

// Exit codes, as grep and diff have them.
const (
	exitMet    = 0 // the probe ran, and what -require names is there
	exitNotMet = 1
	exitFailed = 2 // usage, or the probe could not run
)

// limit is a watchdog: a run takes milliseconds.
const limit = 5 * time.Second

const usage = `ringprobe says which engine Headrace will choose here, and why.

usage: ringprobe [-v] [-json] [-require list]

  -v              also operations, sources, how each fact was found out
  -json           the whole report as JSON, with a schema number
  -require list   check engines and features, comma-separated; print what is missing
  -h              this help

exit status: 0 the probe ran and everything required is there, 1 something required
is missing, 2 wrong usage or the probe could not run

examples:
  ringprobe
  ringprobe -require io_uring,recv_multishot || echo "will run on epoll"
  ringprobe -json | jq -r .decision.engine
  docker run --rm IMAGE ringprobe

HEADRACE_BACKEND overrides the engine that a program asks for, and so it does here.
NO_COLOR and TERM=dumb switch colours off, as does output that is not a terminal.
`

// command is one call of ringprobe, with everything from outside in it.
type command struct {
	stdout, stderr io.Writer
	colour         bool
	backend        string // what HEADRACE_BACKEND says
	probe          func(context.Context, probe.Options) (*probe.Report, error)
}

// newCommand is the command as it is in the environment.
func newCommand(env func(string) string) command {
	return command{
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		colour:  colourful(os.Stdout, env),
		backend: env(backendEnv),
		probe:   probe.Run,
	}
}

func main() {
	c := newCommand(os.Getenv)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	code := c.run(ctx, os.Args[1:])
	cancel()
	os.Exit(code)
}

// options are the flags.
type options struct {
	verbose bool
	json    bool
	require []string
}

func (c command) run(ctx context.Context, args []string) int {
	opts, err := c.parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(c.stdout, usage)
		return exitMet
	}
	if err != nil {
		fmt.Fprintf(c.stderr, "ringprobe: %v\nringprobe -h tells the usage\n", err)
		return exitFailed
	}
	checks, err := c.report(ctx, opts)
	if err != nil {
		fmt.Fprintf(c.stderr, "ringprobe: %v\n", err)
		return exitFailed
	}
	for _, k := range checks {
		if !k.Met {
			return exitNotMet
		}
	}
	return exitMet
}

// report probes and prints, and returns what became of -require.
func (c command) report(ctx context.Context, opts options) ([]requirement, error) {
	if err := checkBackend(c.backend); err != nil {
		return nil, err
	}
	r, err := c.probe(ctx, probe.Options{})
	if err != nil {
		return nil, err
	}
	d := decide(r, c.backend)
	r = choose(r, d)
	checks := c.check(r, d, opts.require)
	switch {
	case opts.json:
		err = writeJSON(c.stdout, r, d, checks)
	case opts.require != nil:
		err = writeChecks(c.stdout, checks)
	default:
		err = writeText(c.stdout, r, d, opts.verbose, c.colour)
	}
	return checks, err
}

func (c command) parse(args []string) (options, error) {
	var o options
	var require string
	flags := flag.NewFlagSet("ringprobe", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the messages are ours
	flags.BoolVar(&o.verbose, "v", false, "")
	flags.BoolVar(&o.json, "json", false, "")
	flags.StringVar(&require, "require", "", "")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	given := false
	flags.Visit(func(f *flag.Flag) { given = given || f.Name == "require" })
	for name := range strings.SplitSeq(require, ",") {
		if name = strings.TrimSpace(name); name != "" {
			o.require = append(o.require, name)
		}
	}
	if given && o.require == nil {
		return o, errors.New("-require names nothing")
	}
	for _, name := range o.require {
		if !known(name) {
			return o, fmt.Errorf("-require: there is no engine or feature %q", name)
		}
	}
	return o, nil
}

// colourful reports whether the output is a terminal that wants colours
// (https://no-color.org).
func colourful(out *os.File, env func(string) string) bool {
	if env("NO_COLOR") != "" || env("TERM") == "dumb" || env("TERM") == "" {
		return false
	}
	info, err := out.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
