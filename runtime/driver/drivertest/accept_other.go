//go:build !linux

package drivertest

func testAcceptDescriptors(h *harness) { h.t.Skip("needs setrlimit and numbers that go up") }
