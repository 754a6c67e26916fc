package probe

import "slices"

// KnownBad is a feature that a kernel offers and gets wrong, in a way that no
// round trip shows.
type KnownBad struct {
	Feature string  `json:"feature"`
	From    Version `json:"from"`  // first release with the fault
	Until   Version `json:"until"` // first release without it
	Reason  string  `json:"reason"`
	Link    string  `json:"link"`
}

// covers goes by the version, the one place that does: it can only switch a
// feature off, and a distribution that carried the fix back loses no more than
// that feature's speed.
func (k KnownBad) covers(kernel Version) bool {
	return !kernel.IsZero() && !kernel.Less(k.From) && kernel.Less(k.Until)
}

var knownBad = []KnownBad{
	{
		Feature: FeatDeferTaskrun, From: Version{6, 3, 0}, Until: Version{6, 6, 18},
		Reason: "multishot accept returns wrong descriptors",
		Link:   "https://github.com/axboe/liburing/issues/1062",
	},
	{
		Feature: FeatDeferTaskrun, From: Version{6, 7, 0}, Until: Version{6, 8, 0},
		Reason: "multishot accept returns wrong descriptors",
		Link:   "https://github.com/axboe/liburing/issues/1062",
	},
	{
		Feature: FeatRecvBundle, From: Version{6, 10, 0}, Until: Version{6, 13, 0},
		Reason: "corrupts streams",
		Link:   "https://github.com/netty/netty/pull/15135",
	},
	{
		Feature: FeatRecvBundle, From: Version{6, 13, 0}, Until: Version{6, 16, 0},
		Reason: "returns buffers out of order",
		Link:   "https://github.com/axboe/liburing/issues/1409",
	},
}

// KnownBadKernels returns the list of faults that switch a feature off. The list
// is a copy; the caller may keep it.
func KnownBadKernels() []KnownBad { return slices.Clone(knownBad) }

func knownBadOn(kernel Version, feature string) *KnownBad {
	for _, k := range knownBad {
		if k.Feature == feature && k.covers(kernel) {
			return &k
		}
	}
	return nil
}

// badIncEOF is a fault that a round trip does show, so it needs no versions.
var badIncEOF = KnownBad{
	Feature: FeatPbufInc,
	Reason:  "gives a buffer back while it still fills it",
	Link:    "https://github.com/axboe/liburing/issues/1553",
}
