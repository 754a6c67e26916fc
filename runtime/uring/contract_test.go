//go:build linux

package uring

import (
	"testing"

	"github.com/headrace/headrace/runtime/driver/drivertest"
)

func TestContract(t *testing.T) {
	drivertest.Run(t, Open)
}
