//go:build !unix

package main

// onSignal does nothing: this system has no signal to ask with.
func onSignal(func()) (stop func()) { return func() {} }
