package main

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"time"
)

// defaultTimeout bounds a job that names no time of its own: emulation is slow.
const defaultTimeout = 90 * time.Second

// jobName is what a job may be called: it becomes a file's name.
var jobName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)

// spec is one line of the job file:
//
//	KIND [name=JOB] [timeout=DURATION] [VARIABLE=VALUE]... PACKAGE [ARGUMENT]...
type spec struct {
	kind    string // "test" or "cmd"
	name    string // made of the package unless the line has one
	pkg     string // as the go command takes it: ./ring
	args    []string
	env     []string
	timeout time.Duration
}

// parseJobs reads a job file; # starts a comment.
func parseJobs(r io.Reader) ([]spec, error) {
	var specs []spec
	lines := map[string]int{}
	in := bufio.NewScanner(r)
	for n := 1; in.Scan(); n++ {
		text, _, _ := strings.Cut(in.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		s, err := parseSpec(words)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if other := lines[s.name]; other > 0 {
			return nil, fmt.Errorf("line %d: a job named %s is in line %d; give one a name=", n, s.name, other)
		}
		lines[s.name] = n
		specs = append(specs, s)
	}
	return specs, in.Err()
}

func parseSpec(words []string) (spec, error) {
	s := spec{kind: words[0], timeout: defaultTimeout}
	if s.kind != "test" && s.kind != "cmd" {
		return s, fmt.Errorf("%q is neither test nor cmd", s.kind)
	}
	words = words[1:]
	for len(words) > 0 && !strings.HasPrefix(words[0], "./") {
		name, value, found := strings.Cut(words[0], "=")
		switch {
		case !found:
			return s, fmt.Errorf("%q is neither NAME=VALUE nor a package, which starts with ./", words[0])
		case name == "name" && !jobName.MatchString(value):
			return s, fmt.Errorf("name %q is not made of letters, digits, dots and dashes", value)
		case name == "name":
			s.name = value
		case name == "timeout":
			d, err := time.ParseDuration(value)
			if err != nil || d <= 0 {
				return s, fmt.Errorf("timeout %q is not a duration above zero", value)
			}
			s.timeout = d
		default:
			s.env = append(s.env, words[0])
		}
		words = words[1:]
	}
	if len(words) == 0 {
		return s, fmt.Errorf("no package")
	}
	s.pkg, s.args = words[0], words[1:]
	if s.name == "" {
		s.name = defaultName(s.kind, s.pkg)
	}
	return s, nil
}

// defaultName calls a command as its folder is called, and a test after its package's whole path.
func defaultName(kind, pkg string) string {
	if kind == "cmd" {
		return path.Base(pkg)
	}
	return strings.ReplaceAll(strings.Trim(path.Clean(pkg), "./"), "/", "-") + ".test"
}
