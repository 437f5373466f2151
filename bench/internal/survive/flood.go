package survive

import (
	"github.com/holdfast-go/holdfast/bench/internal/load"
	"github.com/holdfast-go/holdfast/bench/internal/peer"
)

// Flood says what passes over a cache of so many sessions.
type Flood struct {
	Peer     string
	Capacity int
	Times    []int // so many times the capacity of one-visit sessions
}

// Losses is the share of the returning users whose session was gone after each
// of the floods.
type Losses struct {
	Held int // sessions that the cache really holds
	Lost []float64
}

// flood gives half the capacity to users who have come back twice, then lets
// the flood pass while they are away, and looks who can still come back. Each
// flood meets a cache of its own.
func flood(f Flood) (Losses, error) {
	info, _ := peer.Find(f.Peer)
	config, held, err := limits(info, f.Capacity, nil)
	if err != nil {
		return Losses{}, err
	}
	losses := Losses{Held: held}
	for _, times := range f.Times {
		p, err := info.New(config)
		if err != nil {
			return losses, err
		}
		losses.Lost = append(losses.Lost, floodOnce(p, f.Capacity, times))
		p.Close()
	}
	return losses, nil
}

func floodOnce(p peer.Peer, capacity, times int) (lost float64) {
	const visits = 3
	users := capacity / 2
	value := load.Value(plainLength, 1)
	r := peer.NewReader(plainLength)
	visit := func(n int) bool {
		id := load.ID(uint64(n))
		if p.Get(id, r) {
			return true
		}
		p.Set(id, value)
		return false
	}
	for range visits {
		for n := range users {
			visit(n)
		}
	}
	settle()
	for n := range times * capacity {
		p.Set(load.ID(uint64(users+n)), value)
	}
	settle()
	gone := 0
	for n := range users {
		if !p.Get(load.ID(uint64(n)), r) {
			gone++
		}
	}
	return float64(gone) / float64(users)
}
