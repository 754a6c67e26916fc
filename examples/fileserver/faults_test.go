package main

import (
	"testing"

	"github.com/headrace/headrace/examples/internal/apptest"
)

// TestUnderFaults: an engine that misbehaves costs no byte of an answer.
func TestUnderFaults(t *testing.T) {
	apptest.UnderFaults(t)
	t.Run("answers", TestAnswersAsNetHTTP)
	t.Run("refusals", TestRefusals)
	t.Run("pipelining", TestPipelining)
	t.Run("smuggling", TestNothingIsSmuggled)
	t.Run("https", TestTLSAnswers)
}
