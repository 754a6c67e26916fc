package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kernelTable is the table of docs/kernels.md.
const kernelTable = "testdata/kernels.md"

// readTable splits a markdown table into its cells, without the line under the head.
func readTable(t *testing.T) (head []string, rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(kernelTable)
	require.NoError(t, err)
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if i == 1 {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for j := range cells {
			cells[j] = strings.TrimSpace(cells[j])
		}
		rows = append(rows, cells)
	}
	return rows[0], rows[1:]
}

// cell is what the table says of a feature that was found so.
func cell(f Feature) string {
	if f.State == Yes && f.Off != "" {
		return "off"
	}
	return f.State.String()
}

func TestKernelTableIsTheCatalogue(t *testing.T) {
	_, rows := readTable(t)
	require.Equal(t, "engine", rows[0][0])
	require.Len(t, rows, 1+len(catalogue))
	for i, f := range catalogue {
		require.Equal(t, []string{f.ID, f.Since.String(), f.Source}, rows[i+1][:3])
	}
}

// Of these kernels the first picks epoll and the others io_uring, and each has what
// its version promises.
func TestKernelTableAgreesWithFirstKernels(t *testing.T) {
	head, rows := readTable(t)
	require.Equal(t, []string{"5.10", "6.1", "6.12", "6.18"}, head[3:])
	require.Equal(t, []string{EngineEpoll, EngineIOUring, EngineIOUring, EngineIOUring}, rows[0][3:])
	carriedBack := map[string]bool{ // docs/kernels.md says why
		"5.10 " + FeatExtArg: true, "5.10 " + FeatIOWQMaxWorkers: true, "6.1 " + FeatZCReportUsage: true,
	}
	for column, series := range head {
		if column < 3 {
			continue
		}
		kernel, err := ParseVersion(series)
		require.NoError(t, err)
		for i, f := range catalogue {
			switch got := rows[i+1][column]; {
			case carriedBack[series+" "+f.ID]:
				require.Equal(t, "yes", got, "%s on %s", f.ID, series)
			case kernel.Less(f.Since):
				require.Equal(t, "no", got, "%s on %s", f.ID, series)
			default:
				require.Contains(t, []string{"yes", "off"}, got, "%s on %s", f.ID, series)
			}
		}
	}
}

// On a kernel that has a column, the column is what is found.
func TestKernelTableHoldsHere(t *testing.T) {
	r, err := Run(t.Context(), Options{})
	require.NoError(t, err)
	series := fmt.Sprintf("%d.%d", r.Host.Kernel.Major, r.Host.Kernel.Minor)
	head, rows := readTable(t)
	for column := 3; column < len(head); column++ {
		if head[column] != series || r.Block != nil {
			continue
		}
		require.Equal(t, rows[0][column], Decide(r, Want{}).Engine)
		for i, f := range r.Features {
			require.Equal(t, rows[i+1][column], cell(f), "%s on %s: %v %s", f.ID, r.Host.Release, f.Errno, f.Note)
		}
		return
	}
	t.Skipf("Linux %s has no column, or io_uring is blocked", r.Host.Release)
}

// The page shows this very table, and lists every fault that switches something off.
func TestKernelPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/kernels.md")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("not inside the repository")
	}
	require.NoError(t, err)
	table, err := os.ReadFile(kernelTable)
	require.NoError(t, err)
	require.Contains(t, string(page), string(table))
	for _, k := range append(KnownBadKernels(), badIncEOF) {
		require.Contains(t, string(page), "| "+k.Feature+" |")
		require.Contains(t, string(page), k.Link)
	}
}
