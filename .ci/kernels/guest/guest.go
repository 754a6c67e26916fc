// Package guest is what the host and the guest of a kernel test agree on: the job list that the
// initramfs carries and the lines that come back over the serial port.
package guest

import "time"

// Paths inside the initramfs.
const (
	InitPath    = "init"
	JobsPath    = "jobs.json"
	ModulesPath = "modules" // a folder; by name in the order to load them
)

// ModulesEnv is the variable by which jobs know what modules their kernel has.
const ModulesEnv = "KERNEL_MODULES"

// Job is one command that runs in the guest.
type Job struct {
	Name    string        // unique, fit for a file name
	Argv    []string      // Argv[0] is a path inside the initramfs
	Dir     string        // working directory
	Env     []string      // NAME=VALUE, beside what init sets
	Timeout time.Duration // after it: SIGQUIT, a grace period, SIGKILL
}

// Every line on the serial port is one of these marks and its text.
//
//	@boot RELEASE JOBS      init runs, and has so many jobs
//	@start JOB              a job starts
//	=TEXT                   a line of its standard output
//	!TEXT                   a line of its standard error
//	@end JOB MILLIS REASON  it ended; the reason is "ok" or what went wrong
//	@done                   every job has had its turn
const (
	Boot   = "@boot"
	Start  = "@start"
	End    = "@end"
	Done   = "@done"
	Stdout = "="
	Stderr = "!"
	OK     = "ok"
)
