//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/.ci/kernels/guest"
)

// shownLines is how much of each stream of a failed job the report shows.
const shownLines = 40

// report follows a guest's lines: it prints a row per job and keeps every job's output in files.
type report struct {
	w     io.Writer
	label string
	out   string // folder
	began time.Time

	jobs           int // that the guest said it has
	ended          int
	done           bool
	passed, failed int
	job            *jobOutput // the one that runs
	err            error      // first error in keeping files
}

// jobOutput is what a job has printed so far.
type jobOutput struct {
	name           string
	stdout, stderr strings.Builder
	tests          map[string]int // "PASS", "FAIL", "SKIP": top-level tests
}

// line takes one line of the guest.
func (r *report) line(s string) {
	switch words := strings.SplitN(s, " ", 4); {
	case words[0] == guest.Boot && len(words) == 3:
		r.jobs, _ = strconv.Atoi(words[2])
		fmt.Fprintf(r.w, "kernel %s: %s is up after %s\n", r.label, words[1], seconds(time.Since(r.began)))
	case words[0] == guest.Start && len(words) == 2:
		r.job = &jobOutput{name: words[1], tests: map[string]int{}}
	case words[0] == guest.End && len(words) == 4 && r.job != nil && words[1] == r.job.name:
		millis, _ := strconv.Atoi(words[2])
		r.end(time.Duration(millis)*time.Millisecond, words[3])
	case words[0] == guest.Done:
		r.done = true
	case r.job != nil:
		r.job.line(s)
	}
}

func (j *jobOutput) line(s string) {
	if text, found := strings.CutPrefix(s, guest.Stderr); found {
		j.stderr.WriteString(text + "\n")
		return
	}
	text, found := strings.CutPrefix(s, guest.Stdout)
	if !found {
		return // no job can write to the port but through init
	}
	j.stdout.WriteString(text + "\n")
	if rest, found := strings.CutPrefix(text, "--- "); found {
		kind, _, _ := strings.Cut(rest, ":")
		j.tests[kind]++
	}
}

// summary counts the tests of a job that ran any.
func (j *jobOutput) summary() string {
	var parts []string
	for _, verdict := range []string{"passed", "failed", "skipped"} {
		if n := j.tests[strings.ToUpper(verdict[:4])]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, verdict))
		}
	}
	return strings.Join(parts, ", ")
}

func (r *report) end(took time.Duration, reason string) {
	j := r.job
	r.job = nil
	r.ended++
	for suffix, text := range map[string]string{".out": j.stdout.String(), ".err": j.stderr.String()} {
		if text != "" {
			err := os.WriteFile(filepath.Join(r.out, j.name+suffix), []byte(text), 0o644)
			r.err = errors.Join(r.err, err)
		}
	}
	if reason == guest.OK {
		r.row(true, j.name, seconds(took), j.summary())
		return
	}
	r.row(false, j.name, seconds(took), reason+"; its output is in "+r.out)
	r.excerpt(j.whatFailed())
}

// whatFailed is the end of the standard output, less what go test says of tests that do well, and the
// start of the standard error, where a panic or a stack dump has the goroutine that matters.
func (j *jobOutput) whatFailed() []string {
	var out []string
	for text := range strings.Lines(j.stdout.String()) {
		if !noise.MatchString(text) {
			out = append(out, text)
		}
	}
	errs := slices.Collect(strings.Lines(j.stderr.String()))
	return append(out[max(0, len(out)-shownLines):], errs[:min(shownLines, len(errs))]...)
}

// noise matches what go test -v prints around a test that does well.
var noise = regexp.MustCompile(`^ *(=== (RUN|PAUSE|CONT|NAME) |--- (PASS|SKIP):)`)

func (r *report) row(ok bool, name, took, remark string) {
	verdict := "pass"
	if ok {
		r.passed++
	} else {
		verdict = "FAIL"
		r.failed++
	}
	fmt.Fprintln(r.w, strings.TrimRight(fmt.Sprintf("  %s  %-28s %7s  %s", verdict, name, took, remark), " "))
}

// complaint matches the kernel's own words for something wrong with it, never with a program.
var complaint = regexp.MustCompile(`WARNING: |BUG: |BUG at |Oops|general protection fault|Kernel panic|` +
	`rcu: .*(stall|starved)|soft lockup|hard LOCKUP|blocked for more than|UBSAN|KASAN|refcount_t|` +
	`Out of memory|oom-kill|unregister_netdevice: waiting`)

// finish judges what is left when the guest is gone: jobs without an end, and the kernel's log.
func (r *report) finish(stopped, log string) {
	if r.job != nil {
		if stopped == "" {
			stopped = "the guest went down"
		}
		r.end(0, stopped)
	}
	if missing := r.jobs - r.ended; missing > 0 {
		fmt.Fprintf(r.w, "  FAIL  %d more jobs did not run\n", missing)
		r.failed += missing
	}
	lines := strings.Split(strings.TrimSpace(log), "\n")
	for i, text := range lines {
		if complaint.MatchString(text) {
			r.row(false, "kernel log", "", "the kernel complained:")
			r.excerpt(lines[i:min(i+30, len(lines))])
			return
		}
	}
	if !r.done {
		if stopped == "" {
			stopped = "the guest went down"
		}
		r.row(false, "kernel log", "", stopped+"; it ends with:")
		r.excerpt(lines[max(0, len(lines)-20):])
		return
	}
	r.row(true, "kernel log", "", fmt.Sprintf("%d lines, no complaint", len(lines)))
}

func (r *report) excerpt(lines []string) {
	for _, text := range lines {
		fmt.Fprintln(r.w, "        |", strings.TrimRight(text, "\r\n"))
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }
