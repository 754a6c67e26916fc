//go:build linux && !race && !invariants

package uring

const raceDetector = false
