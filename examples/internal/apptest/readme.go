package apptest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var flagLine = regexp.MustCompile(`(?m)^  -([a-z-]+)`)

// Documented holds the example's README.md against its flags. Those that all examples have
// may be left to echo's.
func Documented(t *testing.T) {
	t.Helper()
	readme := read(t, "README.md")
	if echo := filepath.Join("..", "echo", "README.md"); strings.Contains(readme, "../echo/README.md") {
		readme += read(t, echo)
	}
	flags := flagLine.FindAllStringSubmatch(Pass(t, "-h"), -1)
	require.NotEmpty(t, flags)
	for _, f := range flags {
		require.Regexp(t, "`-"+f[1]+"[ `]", readme, "README.md does not tell of -%s", f[1])
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}
