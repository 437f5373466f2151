package main

import (
	"fmt"
	"log"
	"net/http"
)

// showFigures sends the part of the page that changes during a flood.
func (s *site) showFigures(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := page.ExecuteTemplate(w, "figures", s.figures()); err != nil {
		log.Print(err)
	}
}

// figures are the numbers of the cache on the page.
type figures struct {
	Sessions int
	Evicted  uint64
	Arrived  int64 // visitors so far of the flood that is under way

	Empty  bytes // memory of the empty cache, which depends on its cap
	Used   bytes // the rest: the sessions, and the index that grows with them
	Each   int64 // Used by Sessions, in bytes
	Total  bytes // Empty and Used
	Cap    bytes
	Filled float64 // Total as a share of Cap
}

func (s *site) figures() figures {
	stats := s.cache.Stats()
	total := stats.Bytes.Total()
	used := max(0, total-s.empty)
	return figures{
		Sessions: stats.Entries,
		Evicted:  stats.EvictedForCapacity,
		Arrived:  s.flood.arrived.Load(),
		Total:    bytes(total),
		Cap:      bytes(stats.MaxBytes),
		Empty:    bytes(s.empty),
		Used:     bytes(used),
		Each:     used / int64(max(1, stats.Entries)),
		Filled:   float64(total) / float64(stats.MaxBytes),
	}
}

// bytes is a number of bytes. It prints in KiB or MiB.
type bytes int64

func (n bytes) String() string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
