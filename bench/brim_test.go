//go:build !race

package main

import "testing"

// The race detector takes memory of its own for each byte that it watches.
func TestBrim(t *testing.T) {
	f := fill{Peer: "hashicorp", Config: capped(20_000, 256, 256), Sessions: 30_000, ValueLen: 256}.measure(new(child))
	if f["beyond"] < 50 || f["beyond"] > 1000 {
		t.Errorf("an LRU of 20000 entries: %v", f)
	}
}
