// Package drivertest is the contract of package driver as tests. Every engine
// runs it:
//
//	func TestContract(t *testing.T) { drivertest.Run(t, epoll.Open) }
//
// Each test opens an engine of its own, drives it from one locked goroutine
// against peers of package net, closes it, and then requires that no goroutine,
// descriptor or chunk is left behind. Besides what a test asks for, every
// completion is checked: that it came from inside Poll or Close, one at a time,
// to a record that was in flight, and that none followed the final one.
//
// No test is decided by timing. Each wait ends with a failure after [Patience].
package drivertest
