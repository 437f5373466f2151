package cache_test

import "math/rand/v2"

// newRandom returns the same sequence in every run, so that a failure repeats.
func newRandom() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
