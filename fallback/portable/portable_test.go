package portable_test

import (
	"testing"

	"github.com/headrace/headrace/fallback/portable"
	"github.com/headrace/headrace/runtime/driver/drivertest"
)

func TestContract(t *testing.T) { drivertest.Run(t, portable.Open) }
