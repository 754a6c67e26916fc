package main

import (
	"testing"

	"github.com/headrace/headrace/examples/internal/apptest"
)

// TestUnderFaults: an engine that misbehaves costs no byte on the way.
func TestUnderFaults(t *testing.T) {
	apptest.UnderFaults(t)
	t.Run("streams", TestStreams)
	t.Run("balance", TestBalance)
}
