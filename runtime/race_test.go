//go:build race || invariants

package runtime_test

const raceEnabled = true
