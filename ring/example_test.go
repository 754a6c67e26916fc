//go:build linux

package ring_test

import (
	"fmt"
	"log"
	"os"
	goruntime "runtime"

	"github.com/headrace/headrace/ring"
)

// One thread, one ring: prepare, submit and wait in one system call, reap.
func Example() {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	r, err := ring.New(64, ring.Params{Flags: ring.SetupSingleIssuer | ring.SetupDeferTaskrun})
	if err != nil {
		log.Fatal(err, ": ", ring.SetupMeaning(err))
	}
	defer r.Close()

	file, err := os.Open("/etc/hostname")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	buf := make([]byte, 256) // alive until the completion: it is printed below
	sqe := r.GetSQE()
	sqe.PrepRead(int(file.Fd()), buf, 0)
	sqe.UserData = 1

	if _, err := r.SubmitAndWait(1, -1); err != nil {
		log.Fatal(err, ": ", ring.EnterMeaning(err))
	}
	var cqes [8]ring.CQE
	for _, c := range cqes[:r.PeekBatch(cqes[:])] {
		if c.Res >= 0 {
			fmt.Printf("%s", buf[:c.Res])
		}
	}
}
