package memory

import (
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/proc"
)

// Brim says which cache to fill until it is full: one that is capped to about
// so many sessions.
type Brim struct {
	Peer     string
	Sessions int
	ValueLen int
}

// Footprint is by how much the resident set grew, garbage returned, and how
// many sessions the cache then held.
type Footprint struct {
	Bytes int64
	Kept  int
}

// fillToTheBrim stores half as many sessions again as the cap is for, so that
// memory which a cache has taken but not used yet is not counted as what its
// sessions need. A cache without a cap is full with what it is given.
func fillToTheBrim(b Brim) (Footprint, error) {
	entry := load.IDLen + b.ValueLen
	before := proc.Settled()
	cache, err := peer.Open(b.Peer, peer.Config{
		Bytes:    int64(b.Sessions) * int64(entry),
		Entries:  b.Sessions,
		EntryLen: entry,
		MaxValue: b.ValueLen,
		TTL:      time.Hour,
	})
	if err != nil {
		return Footprint{}, err
	}
	stored := b.Sessions + b.Sessions/2
	value := load.Value(b.ValueLen, 1)
	for n := range stored {
		cache.Set(load.ID(uint64(n)), value)
	}
	f := Footprint{Bytes: proc.Settled() - before}
	r := peer.NewReader(b.ValueLen)
	for n := range stored {
		if cache.Get(load.ID(uint64(n)), r) {
			f.Kept++
		}
	}
	return f, nil
}

// beyond is what a session takes besides ID and value.
func (f Footprint) beyond(valueLen int) float64 {
	return float64(f.Bytes)/float64(f.Kept) - float64(load.IDLen+valueLen)
}
