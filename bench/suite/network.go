//go:build linux

package suite

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/headrace/headrace/bench/harness"
)

// Congestion is the congestion control of TCP that is measured with: the kernel's own default.
const Congestion = "cubic"

// always is what any namespace may have: the others must be in the machine's tcp_allowed_congestion_control.
// Neither of the two paces what it sends, and where nothing is lost they differ in how fast a window grows.
const always = "reno"

// Network makes the network that is measured in. Where that can not be, as in most containers, or with no
// congestion control to set, it is the machine's, as it is. The caller closes it.
func Network(progress io.Writer, congestion string) (*harness.Network, error) {
	if congestion == "" {
		return nil, nil
	}
	n, err := harness.NewNetwork(congestion)
	if congestion == Congestion && errors.Is(err, os.ErrPermission) {
		n, err = harness.NewNetwork(always)
	}
	if err == nil || errors.Is(err, os.ErrNotExist) { // a name that the kernel does not know
		return n, err
	}
	fmt.Fprintf(progress, "%v: measuring in the machine's, whose TCP has %s\n", err, n.Congestion())
	return nil, nil
}
