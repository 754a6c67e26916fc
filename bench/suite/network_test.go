//go:build linux

package suite

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNetwork: what is measured in does not pace, unless it is the machine's, and then the report says so.
func TestNetwork(t *testing.T) {
	var said bytes.Buffer
	n, err := Network(&said, Congestion)
	require.NoError(t, err)
	if n == nil {
		require.Contains(t, said.String(), "measuring in the machine's, whose TCP has "+n.Congestion())
		return
	}
	defer func() { require.NoError(t, n.Close()) }()
	require.Contains(t, []string{Congestion, always}, n.Congestion())
	require.Empty(t, said.String())
}

func TestNetworkOfTheMachine(t *testing.T) {
	n, err := Network(nil, "")
	require.NoError(t, err)
	require.Nil(t, n)
}

// TestNetworkThatIsNot: a name that nobody knows is an error, not another network.
func TestNetworkThatIsNot(t *testing.T) {
	var said bytes.Buffer
	n, err := Network(&said, "none-such")
	if n == nil && err == nil {
		t.Skip("not allowed:", said.String())
	}
	require.Error(t, err)
}
