//go:build !race

// The race detector takes memory of its own for each byte that it watches.

package memory

import "testing"

func TestAFullCacheTakesMoreThanItsContentAndNotAbsurdlyMore(t *testing.T) {
	f, err := fillToTheBrim(Brim{Peer: "hashicorp", Sessions: 20_000, ValueLen: 256})
	if err != nil || f.Kept != 20_000 || f.beyond(256) < 50 || f.beyond(256) > 1000 {
		t.Errorf("an LRU of 20000 entries: %+v, %v bytes beyond, %v", f, f.beyond(256), err)
	}
}
