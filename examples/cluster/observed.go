package main

import (
	"context"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/store/redis"
)

// observed is a store that notes how a request's session was read.
type observed struct{ *redisstore.Store }

// reading is how a session was read.
type reading struct {
	Local bool // a local copy has answered
	Took  time.Duration
}

type readingKey struct{}

// withReading returns a context in which observed notes the first read.
func withReading(ctx context.Context) (context.Context, *reading) {
	r := new(reading)
	return context.WithValue(ctx, readingKey{}, r), r
}

// Get notes a hit if the number of hits has grown. If two requests come at
// once, it may take the other one's hit for its own, which is good enough to
// look at.
func (o observed) Get(ctx context.Context, id string, how holdfast.ReadMode) ([]byte, bool, error) {
	before, began := o.Stats().Hits, time.Now()
	value, found, err := o.Store.Get(ctx, id, how)
	if r, ok := ctx.Value(readingKey{}).(*reading); ok && r.Took == 0 {
		r.Took = time.Since(began).Round(100 * time.Nanosecond)
		r.Local = o.Stats().Hits > before
	}
	return value, found, err
}
