package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Each site makes all requests of the trace, with sessions of its own.
func TestTrace_bySites(t *testing.T) {
	one := trace{requests: []uint32{0, 1, 0, 2}, objects: 3}
	assert.Equal(t, one, one.bySites(3))
	two := one.bySites(4)
	assert.Equal(t, trace{requests: []uint32{0, 3, 1, 5, 0, 3, 2, 4}, objects: 6}, two)
}

// A small run has a curve for the model of a site, near the caches themselves.
func TestCurve(t *testing.T) {
	b := &bench{quick: true, seed: 1, progress: t.Output()}
	sec := b.curve()
	rows := sec.Tables[0].Rows
	assert.Len(t, rows, 2)
	for _, row := range rows {
		assert.Len(t, row, 8)
		assert.NotEqual(t, none, row[7], "%s has no curve", row)
	}
}
