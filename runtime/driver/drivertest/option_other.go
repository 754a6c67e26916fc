//go:build !linux

package drivertest

import "github.com/headrace/headrace/runtime/driver"

func checkOption(*harness, driver.Socket, driver.Option, int) {}
