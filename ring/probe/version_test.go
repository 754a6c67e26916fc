package probe

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]Version{
		"6.18.44":                  {6, 18, 44},
		"6.18.44-cloud-amd64\n":    {6, 18, 44},
		"5.14.0-362.8.1.el9_3":     {5, 14, 0},
		"6.7-rc3":                  {6, 7, 0},
		"6.6.87.2-microsoft-WSL2":  {6, 6, 87},
		"5.10":                     {5, 10, 0},
		"4.4.0":                    {4, 4, 0},
		" 6.1.0-37-cloud-amd64 \n": {6, 1, 0},
	} {
		got, err := ParseVersion(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "6", "six.1", "-6.1", ".6.1", "99999999999.1", "6.", "\x00"} {
		_, err := ParseVersion(text)
		require.Error(t, err, "%q", text)
	}
}

func TestVersionOrder(t *testing.T) {
	ordered := []Version{{4, 19, 300}, {5, 9, 0}, {5, 10, 0}, {5, 10, 186}, {5, 16, 0}, {6, 0, 0}, {6, 0, 1}}
	for i, v := range ordered {
		for j, w := range ordered {
			require.Equal(t, i < j, v.Less(w), "%v < %v", v, w)
		}
	}
}

func FuzzParseVersion(f *testing.F) {
	for _, seed := range []string{"6.18.44-x", "5.10", "6", "", "6.-1", "1.2.3.4", "0.0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseVersion(text)
		if err != nil || v.IsZero() {
			return
		}
		require.False(t, v.Major < 0 || v.Minor < 0 || v.Patch < 0, "%q: %v", text, v)
		again, err := ParseVersion(v.String())
		require.NoError(t, err)
		require.Equal(t, v, again)
	})
}
