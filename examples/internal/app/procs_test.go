package app

import (
	goruntime "runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpareProcessor(t *testing.T) {
	defer goruntime.GOMAXPROCS(goruntime.GOMAXPROCS(3))

	t.Setenv("GOMAXPROCS", "3")
	SpareProcessor(3)
	require.Equal(t, 3, goruntime.GOMAXPROCS(0), "who runs the program has decided")

	t.Setenv("GOMAXPROCS", "")
	SpareProcessor(2)
	require.Equal(t, 3, goruntime.GOMAXPROCS(0), "there is one to spare")
	SpareProcessor(3)
	require.Equal(t, 4, goruntime.GOMAXPROCS(0))
}
