package main

import (
	"testing"

	"github.com/headrace/headrace/examples/internal/apptest"
)

// TestUnderFaults: an engine that misbehaves costs no byte.
func TestUnderFaults(t *testing.T) {
	apptest.UnderFaults(t)
	t.Run("stream", TestUnixSocket)
	t.Run("many", TestManyConnections)
	t.Run("resets", TestResetsDoNotHurtOthers)
}
