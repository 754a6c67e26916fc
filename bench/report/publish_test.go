//go:build linux

package report

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// same fails unless b has the pages that a has. Data is packed, and how is the packer's business.
func same(t *testing.T, a, b string) {
	t.Helper()
	files, err := os.ReadDir(a)
	require.NoError(t, err)
	for _, f := range files {
		if f.Name() == Data {
			continue
		}
		want, err := os.ReadFile(filepath.Join(a, f.Name()))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(b, f.Name()))
		require.NoError(t, err)
		require.True(t, string(want) == string(got), "%s differs: make bench-publish", f.Name())
	}
}

func TestPublish(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	require.NoError(t, sample().Publish(dir))
	figure, err := os.ReadFile(filepath.Join(dir, "echo.svg"))
	require.NoError(t, err)
	require.NoError(t, wellFormed(string(figure)))
	require.Contains(t, string(figure), ">headrace<")
	require.NotContains(t, string(figure), "evio", "it has no value")
	text, err := os.ReadFile(filepath.Join(dir, "results.md"))
	require.NoError(t, err)
	require.Contains(t, string(text), "| small echo | headrace | echo/64 B × 100 | std | ≤ 0.78 | 0.62 |")
	require.FileExists(t, filepath.Join(dir, "results.html"))

	again := filepath.Join(t.TempDir(), "again")
	r, err := Read(filepath.Join(dir, Data))
	require.NoError(t, err)
	require.NoError(t, r.Publish(again))
	same(t, dir, again)
}

// What the documentation shows is what this package makes of the numbers beside it.
func TestPublishedPagesAreOfTheirData(t *testing.T) {
	const docs = "../../docs/benchmarks"
	r, err := Read(filepath.Join(docs, Data))
	if os.IsNotExist(err) {
		t.Skip("what is published has no numbers beside it yet")
	}
	require.NoError(t, err)
	again := t.TempDir()
	require.NoError(t, r.Publish(again))
	same(t, docs, again)
}
