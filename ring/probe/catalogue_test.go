package probe

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/headrace/headrace/ring"
)

func TestCatalogueIsComplete(t *testing.T) {
	id := regexp.MustCompile(`^[a-z][a-z_]*$`)
	seen := make(map[string]bool)
	optional := false
	for _, f := range Catalogue() {
		require.Regexp(t, id, f.ID)
		require.False(t, seen[f.ID], "%s is there twice", f.ID)
		seen[f.ID] = true
		require.NotEmpty(t, f.Name, f.ID)
		require.NotEmpty(t, f.Use, f.ID)
		require.NotEmpty(t, f.Source, f.ID)
		require.False(t, f.Since.IsZero(), f.ID)
		require.Equal(t, Unknown, f.State, f.ID)
		require.False(t, f.Required && optional, "%s: required features come first", f.ID)
		optional = !f.Required
	}
}

// The floor of the io_uring engine is multishot receive over buffer rings.
func TestFloorIsLinux60(t *testing.T) {
	var floor Version
	for _, f := range catalogue {
		if f.Required && floor.Less(f.Since) {
			floor = f.Since
		}
	}
	require.Equal(t, Version{6, 0, 0}, floor)
}

func TestCatalogueIsACopy(t *testing.T) {
	Catalogue()[0].ID = "changed"
	require.NotEqual(t, "changed", catalogue[0].ID)
	KnownBadKernels()[0].Feature = "changed"
	require.NotEqual(t, "changed", knownBad[0].Feature)
}

// Operation codes are only ever added at the end, so a first kernel that falls
// from one code to the next is wrong, whatever a manual page says.
func TestOperationsAppearInOrder(t *testing.T) {
	var last Version
	n := 0
	for op := ring.Op(0); op.Since() != ""; op++ {
		since, err := ParseVersion(op.Since())
		require.NoError(t, err, op)
		require.False(t, since.Less(last), "%v since %v, after one since %v", op, since, last)
		last = since
		n++
	}
	require.GreaterOrEqual(t, n, 63, "up to IORING_OP_PIPE")
}

// A feature that is an operation has that operation's first kernel.
func TestFeaturesAgreeWithOperations(t *testing.T) {
	for id, op := range map[string]ring.Op{
		FeatNop:            ring.OpNop,
		FeatSendRecv:       ring.OpSend,
		FeatConnect:        ring.OpConnect,
		FeatSendZC:         ring.OpSendZC,
		FeatSendmsgZC:      ring.OpSendMsgZC,
		FeatFixedFDInstall: ring.OpFixedFDInstall,
	} {
		f, ok := (&Report{Features: catalogue}).Feature(id)
		require.True(t, ok, id)
		require.Equal(t, op.Since(), f.Since.String(), id)
	}
}

func TestKnownBad(t *testing.T) {
	for _, k := range knownBad {
		f, ok := (&Report{Features: catalogue}).Feature(k.Feature)
		require.True(t, ok, "%s is no feature", k.Feature)
		require.False(t, f.Required, "%s: a required feature needs a path without it first", k.Feature)
		require.False(t, k.From.Less(f.Since), "%s can not be bad before there is one", k.Feature)
		require.True(t, k.From.Less(k.Until), k.Feature)
		require.Regexp(t, `^https://`, k.Link)
		require.NotEmpty(t, k.Reason)
	}
	for _, tt := range []struct {
		kernel  Version
		feature string
		bad     bool
	}{
		{Version{6, 2, 16}, FeatDeferTaskrun, false},
		{Version{6, 6, 9}, FeatDeferTaskrun, true},
		{Version{6, 6, 18}, FeatDeferTaskrun, false},
		{Version{6, 7, 4}, FeatDeferTaskrun, true},
		{Version{6, 8, 0}, FeatDeferTaskrun, false},
		{Version{6, 12, 38}, FeatRecvBundle, true},
		{Version{6, 14, 0}, FeatRecvBundle, true},
		{Version{6, 18, 44}, FeatRecvBundle, false},
		{Version{}, FeatRecvBundle, false},
	} {
		require.Equal(t, tt.bad, knownBadOn(tt.kernel, tt.feature) != nil, "%s on %s", tt.feature, tt.kernel)
	}
}
