//go:build !race

package main

import "testing"

// The race detector takes memory of its own for each byte that it watches.
func TestBrim(t *testing.T) {
	f := brim{Peer: "hashicorp", Sessions: 20_000, ValueLen: 256}.measure(nil)
	if f["beyond"] < 50 || f["beyond"] > 1000 {
		t.Errorf("an LRU of 20000 entries: %v", f)
	}
}
