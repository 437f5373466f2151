package memory

import (
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/proc"
	"github.com/holdfast-go/holdfast/bench/internal/stock"
)

// Expiry says what to let expire.
type Expiry struct {
	Peer     string
	Sessions int
	ValueLen int
	TTL      time.Duration
	Wait     time.Duration // after the TTL
}

// Return is the resident set beyond the empty process's: full, and after all
// sessions had expired and nobody had called the cache for a while.
type Return struct{ Full, After int64 }

// expire fills a cache, waits, and looks what the system got back. Go's own
// garbage is returned before each look, so a cache on Go's heap does not have
// to wait for a collection.
func expire(e Expiry) (Return, error) {
	empty := proc.Settled()
	cache, err := peer.Open(e.Peer, stock.Roomy(e.Sessions, e.ValueLen, e.TTL))
	if err != nil {
		return Return{}, err
	}
	value := load.Value(e.ValueLen, 1)
	for n := range e.Sessions {
		cache.Set(load.ID(uint64(n)), value)
	}
	full := proc.Settled() - empty
	time.Sleep(e.TTL + e.Wait)
	after := proc.Settled() - empty
	cache.Close()
	return Return{full, after}, nil
}

// keeps is how many bytes did not come back. Less than a MiB is the process,
// not the cache.
func (r Return) keeps() []float64 { return []float64{float64(max(r.After, 1<<20))} }
