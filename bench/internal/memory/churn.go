// Package memory measures what sessions take: bytes beyond their own, the
// resident set against the cap, and what comes back when they have expired.
package memory

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/proc"
)

const (
	churnTask  = "memory.churn"
	growthTask = "memory.growth"
	expiryTask = "memory.expiry"
	brimTask   = "memory.brim"
)

// Tasks are what a child needs to be able to do.
func Tasks() proc.Tasks {
	return proc.Tasks{
		churnTask:  proc.Handle(churn),
		growthTask: proc.Handle(grow),
		expiryTask: proc.Handle(expire),
		brimTask:   proc.Handle(fillToTheBrim),
	}
}

// Pressure says under what to watch the resident set.
type Pressure struct {
	Peer  string
	Cap   int64
	Times int // so many times the cap is written, by churn

	Largest int // longest value, of churn
}

// Peak is the most by which the resident set exceeded that of the process
// before it had a cache.
type Peak struct{ Bytes int64 }

// smallest is the shortest value under churn. Most sessions are small, but most
// bytes are in large ones.
const smallest = 64

// largestUnder returns the longest value that every peer still takes with that
// cap: fastcache takes less than 64 KiB, freecache a 1024th of its cap.
func largestUnder(capBytes int64) int { return int(min(60_000, capBytes/1100)) }

// mixedLen draws a length whose logarithm is uniform.
func mixedLen(rng *rand.Rand, largest int) int {
	return int(smallest * math.Pow(float64(largest)/smallest, rng.Float64()))
}

// mixedMean is the mean of mixedLen.
func mixedMean(largest int) int {
	return int(float64(largest-smallest) / math.Log(float64(largest)/smallest))
}

// churn stores sessions of mixed lengths, new ones and old ones anew.
func churn(p Pressure) (Peak, error) {
	entry := load.IDLen + mixedMean(p.Largest)
	return under(p, entry, p.Largest, func(cache peer.Peer, worker, workers int) {
		rng := rand.New(rand.NewPCG(uint64(worker), 1))
		sessions := uint64(3 * p.Cap / int64(entry)) // three times what fits
		buf := load.Value(p.Largest, uint64(worker))
		for left := int64(p.Times) * p.Cap / int64(workers); left > 0; {
			value := buf[:mixedLen(rng, p.Largest)]
			cache.Set(load.ID(rng.Uint64N(sessions)), value)
			left -= int64(load.IDLen + len(value))
		}
	})
}

// The length of growing values, at first and in the end.
const (
	growFrom = 512
	growTo   = 4096
)

// grow fills the cache with small sessions and stores them all again and again,
// each time twice as long.
func grow(p Pressure) (Peak, error) {
	return under(p, load.IDLen+growFrom, growTo, func(cache peer.Peer, worker, workers int) {
		sessions := int(p.Cap / (load.IDLen + growFrom))
		buf := load.Value(growTo, uint64(worker))
		for length := growFrom; length <= growTo; length *= 2 {
			for n := worker; n < sessions; n += workers {
				cache.Set(load.ID(uint64(n)), buf[:length])
			}
		}
	})
}

// under runs work on all processors, on a cache whose entries are capped as a
// user would who knows their mean length.
func under(p Pressure, entryLen, maxValue int, work func(cache peer.Peer, worker, workers int)) (Peak, error) {
	empty := proc.Settled()
	cache, err := peer.Open(p.Peer, peer.Config{
		Bytes:    p.Cap,
		Entries:  int(p.Cap / int64(entryLen)),
		EntryLen: entryLen,
		MaxValue: maxValue,
		TTL:      time.Hour,
	})
	if err != nil {
		return Peak{}, err
	}
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		wg.Go(func() { work(cache, worker, workers) })
	}
	wg.Wait()
	return Peak{proc.PeakResident() - empty}, nil
}
