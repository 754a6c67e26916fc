package probe

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is a kernel version. The zero value means unknown.
type Version struct {
	Major, Minor, Patch int
}

// ParseVersion reads the leading numbers of a kernel release such as
// "6.18.44-cloud-amd64", "5.10" or "6.7-rc3". What follows the numbers is the
// distribution's and is ignored.
func ParseVersion(release string) (Version, error) {
	var part [3]int
	rest := strings.TrimSpace(release)
	n := 0
	for n < len(part) {
		digits := leadingDigits(rest)
		if digits == "" {
			break
		}
		v, err := strconv.ParseUint(digits, 10, 31)
		if err != nil {
			return Version{}, fmt.Errorf("probe: kernel release %q: %w", release, err)
		}
		part[n] = int(v)
		n++
		rest = rest[len(digits):]
		if !strings.HasPrefix(rest, ".") {
			break
		}
		rest = rest[1:]
	}
	if n < 2 {
		return Version{}, fmt.Errorf("probe: kernel release %q has no major.minor", release)
	}
	return Version{part[0], part[1], part[2]}, nil
}

func leadingDigits(s string) string {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i]
}

// Less reports whether v is older than w.
func (v Version) Less(w Version) bool {
	if v.Major != w.Major {
		return v.Major < w.Major
	}
	if v.Minor != w.Minor {
		return v.Minor < w.Minor
	}
	return v.Patch < w.Patch
}

// IsZero reports whether the version is unknown.
func (v Version) IsZero() bool { return v == Version{} }

// String writes 6.12 for a first release and 6.12.3 for a stable one; an unknown
// version is empty.
func (v Version) String() string {
	switch {
	case v.IsZero():
		return ""
	case v.Patch == 0:
		return fmt.Sprintf("%d.%d", v.Major, v.Minor)
	}
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
}

// MarshalText gives the JSON form, the same as [Version.String].
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what [Version.MarshalText] wrote.
func (v *Version) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*v = Version{}
		return nil
	}
	parsed, err := ParseVersion(string(text))
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}
