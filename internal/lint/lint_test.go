package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	root   = "../.."
	module = "github.com/headrace/headrace/"
)

// pkg is what `go list -json` tells of a package.
type pkg struct {
	ImportPath   string
	Name         string
	Doc          string
	Imports      []string
	TestImports  []string
	XTestImports []string
	GoFiles      []string
}

func (p pkg) path() string { return strings.TrimPrefix(p.ImportPath, module) }

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	require.NoError(t, err)
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, p)
	}
}

// mayImport lists the only importers of packages that not everybody may import.
// A name with /... stands for what is below it, too.
var mayImport = map[string][]string{
	"ring":              {"ring/...", "runtime/uring"},
	"ring/probe":        {"ring/...", "runtime/..."},
	"runtime/uring":     {"runtime"},
	"fallback/epoll":    {"runtime"},
	"fallback/portable": {"runtime"},
	"runtime":           {"runtime/...", "examples/...", "internal/..."},
}

// libraries are the only modules that the library itself may use.
var libraries = []string{"github.com/iceber/iouring-go/syscall", "golang.org/x/sys/"}

func matches(name string, patterns []string) bool {
	for _, p := range patterns {
		base, deep := strings.CutSuffix(p, "/...")
		if name == p || deep && (name == base || strings.HasPrefix(name, base+"/")) {
			return true
		}
	}
	return false
}

func TestLayers(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			if rest, ours := strings.CutPrefix(imported, module); ours {
				if allowed, limited := mayImport[rest]; limited {
					require.True(t, matches(p.path(), allowed), "%s imports %s", p.path(), rest)
				}
				continue
			}
			first, _, _ := strings.Cut(imported, "/")
			isStd := !strings.Contains(first, ".")
			testsOnly := strings.Contains(p.path(), "drivertest") || strings.Contains(p.path(), "probetest") ||
				strings.Contains(p.path(), "modeltest") ||
				strings.Contains(p.path(), "apptest")
			if !isStd && !testsOnly {
				ok := false
				for _, l := range libraries {
					ok = ok || strings.HasPrefix(imported, l)
				}
				require.True(t, ok, "%s imports %s", p.path(), imported)
				require.False(t, strings.HasPrefix(p.path(), "examples/"), "%s imports %s", p.path(), imported)
			}
		}
	}
}

// TestUpperLayersUsePublicAPI: fiber and stdnet are written on what any program
// could use.
func TestUpperLayersUsePublicAPI(t *testing.T) {
	for _, p := range packages(t) {
		if !matches(p.path(), []string{"runtime/fiber", "runtime/stdnet", "runtime/tlsfiber"}) {
			continue
		}
		for _, imported := range p.Imports {
			require.NotContains(t, imported, "/runtime/uring", p.path())
			require.NotContains(t, imported, "/fallback/", p.path())
			require.NotEqual(t, module+"ring", imported, p.path())
		}
	}
}

func TestEveryPackageHasOneDoc(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 {
			require.NotEmpty(t, p.Doc, p.ImportPath)
		}
	}
}

const (
	maxFile     = 500 // lines
	maxFunction = 80
	maxLine     = 120 // columns
)

var unwanted = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b|//go:linkname`)

func TestFiles(t *testing.T) {
	require.NoError(t, filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == ".cache" || d.Name() == "bench") {
			return filepath.SkipDir
		}
		if path.Ext(name) == ".go" && !strings.HasSuffix(name, "lint_test.go") {
			checkFile(t, name)
		}
		return nil
	}))
}

func checkFile(t *testing.T, name string) {
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	if len(lines) > maxFile {
		t.Errorf("%s has %d lines, more than %d", name, len(lines), maxFile)
	}
	for i, line := range lines {
		if len([]rune(line)) > maxLine && !strings.Contains(line, "http") {
			t.Errorf("%s:%d is longer than %d columns", name, i+1, maxLine)
		}
		if m := unwanted.FindString(line); m != "" {
			t.Errorf("%s:%d has %s", name, i+1, m)
		}
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && !strings.HasSuffix(name, "_test.go") {
			n := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line
			if n > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d", name, f.Name.Name, n, maxFunction)
			}
		}
	}
	for _, imp := range file.Imports {
		if imp.Path.Value == `"runtime"` && (imp.Name == nil || imp.Name.Name != "goruntime") {
			t.Errorf("%s imports the standard runtime without the name goruntime", name)
		}
	}
}
