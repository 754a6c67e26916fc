package main

import (
	"testing"

	"github.com/headrace/headrace/examples/internal/apptest"
)

// TestUnderFaults: an engine that misbehaves costs no byte of an upload.
func TestUnderFaults(t *testing.T) {
	apptest.UnderFaults(t)
	t.Run("uploads", TestUploads)
	t.Run("resume", TestResume)
	t.Run("chunks", TestChunks)
	t.Run("expect", TestExpectContinue)
	t.Run("at the same time", TestAtTheSameTime)
}
