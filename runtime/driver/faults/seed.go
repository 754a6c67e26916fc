package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
)

// SeedVariable names the environment variable that gives [Seed] its answer.
const SeedVariable = "HEADRACE_FAULTS_SEED"

// Seed returns the seed that [SeedVariable] asks for, or another one each time, and
// tells logf (a test's Logf) how to get it again.
func Seed(logf func(format string, args ...any)) uint64 {
	seed := rand.Uint64()
	if text := os.Getenv(SeedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 0, 64); err != nil {
			panic(fmt.Errorf("faults: %s: %w", SeedVariable, err)) // another seed would not repeat anything
		}
	}
	logf("%s=%d", SeedVariable, seed)
	return seed
}
