//go:build linux

package epoll_test

import (
	"testing"

	"github.com/headrace/headrace/fallback/epoll"
	"github.com/headrace/headrace/runtime/driver/drivertest"
)

func TestContract(t *testing.T) { drivertest.Run(t, epoll.Open) }
