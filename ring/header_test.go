//go:build linux

package ring

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHeader holds the tables against <linux/io_uring.h> itself, as far as the one
// installed here knows the names.
func TestHeader(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("skip: no gcc")
	}
	const includes = "#include <stddef.h>\n#include <stdio.h>\n" +
		"#include <linux/io_uring.h>\n#include <linux/time_types.h>\n"
	header, err := compiler(t, gcc, includes, "-E", "-dD")
	if err != nil {
		t.Skipf("skip: no <linux/io_uring.h> here: %s", header)
	}
	known := func(name string) bool {
		return regexp.MustCompile(`\b` + name + `\b`).MatchString(header)
	}
	var program strings.Builder
	program.WriteString(includes + "int main(void) {\n")
	want := map[string]uint64{}
	ask := func(table map[string]measured, expression func(name string) string) {
		for _, name := range slices.Sorted(maps.Keys(table)) {
			if e := expression(name); e != "" {
				fmt.Fprintf(&program, "printf(\"%s %%llu\\n\", (unsigned long long)(%s));\n", name, e)
				want[name] = table[name].got
			}
		}
	}
	ask(structSizes(), func(name string) string {
		if !strings.Contains(header, "struct "+name+" {") {
			return ""
		}
		if name == "io_uring_probe" { // with its open end
			return "sizeof(struct io_uring_probe) + 256 * sizeof(struct io_uring_probe_op)"
		}
		return "sizeof(struct " + name + ")"
	})
	offset := func(name string) string {
		of, field, _ := strings.Cut(name, ".")
		body := regexp.MustCompile(`(?s)struct ` + of + ` \{.*?\n\}`).FindString(header)
		if !regexp.MustCompile(`\b` + field + `\b`).MatchString(body) {
			return ""
		}
		return "offsetof(struct " + of + ", " + field + ")"
	}
	ask(fieldOffsets(), offset)
	ask(setupOffsets(), offset)
	ask(constants(), func(name string) string {
		if !known(name) {
			return ""
		}
		return "(unsigned)" + name // enums are signed, flags in bit 31 too
	})
	program.WriteString("return 0; }\n")

	binary := filepath.Join(t.TempDir(), "abi")
	out, err := compiler(t, gcc, program.String(), "-o", binary)
	require.NoError(t, err, out)
	answer, err := exec.Command(binary).Output()
	require.NoError(t, err)
	got := map[string]uint64{}
	for line := range strings.Lines(string(answer)) {
		var name string
		var n uint64
		_, err := fmt.Sscan(line, &name, &n)
		require.NoError(t, err, line)
		got[name] = n
	}
	require.Equal(t, got, want)
	for _, old := range []string{"io_uring_sqe", "io_uring_sqe.user_data", "io_sqring_offsets", "IORING_OP_RECV"} {
		require.Contains(t, got, old, "any header has it")
	}
	t.Logf("this header has %d of them", len(got))
}

// compiler runs gcc on a program and returns what it said.
func compiler(t *testing.T, gcc, program string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), gcc, append(args, "-x", "c", "-")...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdin = strings.NewReader(program)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
