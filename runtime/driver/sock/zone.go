//go:build linux

package sock

import (
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// zones remembers interface names, because asking takes a netlink round trip and
// link-local peers come many at a time. An answer is good for a minute: an
// interface is seldom renamed.
var zones struct {
	sync.Mutex
	until time.Time
	name  map[uint32]string
	index map[string]uint32
}

const zonesFor = time.Minute

// zoneName returns the name of the interface, its number if it has none.
func zoneName(index uint32) string {
	if index == 0 {
		return ""
	}
	zones.Lock()
	defer zones.Unlock()
	zonesFresh()
	if name, ok := zones.name[index]; ok {
		return name
	}
	name := strconv.FormatUint(uint64(index), 10)
	if ifi, err := net.InterfaceByIndex(int(index)); err == nil {
		name = ifi.Name
	}
	zones.name[index] = name
	return name
}

// zoneIndex returns the number of the interface; ENODEV if there is none.
func zoneIndex(name string) (uint32, error) {
	if name == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), nil
	}
	zones.Lock()
	defer zones.Unlock()
	zonesFresh()
	if index, ok := zones.index[name]; ok {
		return index, nil
	}
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return 0, unix.ENODEV // not remembered: it may appear any moment
	}
	zones.index[name] = uint32(ifi.Index)
	return uint32(ifi.Index), nil
}

func zonesFresh() {
	if now := time.Now(); now.After(zones.until) {
		zones.name, zones.index = map[uint32]string{}, map[string]uint32{}
		zones.until = now.Add(zonesFor)
	}
}
