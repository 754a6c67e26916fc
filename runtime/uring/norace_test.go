//go:build linux && !race

package uring

const raceDetector = false
