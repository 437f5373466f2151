// Package peer holds the caches that are compared, each behind one small
// adapter written as that library's own documentation advises.
package peer

import (
	"fmt"
	"time"
)

// Peer is a cache of sessions. Its methods may be called concurrently, except
// for Close, which comes last.
type Peer interface {
	// Set stores value under id. Both belong to the caller, who will change
	// them: a cache that keeps references is handed fresh copies, as an HTTP
	// server, whose buffers serve the next request, would have to.
	Set(id string, value []byte)

	// Get reports whether there is a value under id, and hands one that was
	// found to r. It does so without allocating where the library can.
	Get(id string, r *Reader) bool

	// Touch gives the session under id its whole TTL again, in the way the
	// library has for it, and reports whether there was one.
	Touch(id string) bool

	Close()
}

// Config is what a peer is built for.
type Config struct {
	// Bytes is the cap for libraries that count bytes, Entries for those that
	// count entries. Always both are given; an adapter uses what its library
	// knows.
	Bytes   int64
	Entries int

	// EntryLen and MaxValue are the mean length of ID and value together, and
	// the length of the longest value.
	EntryLen int
	MaxValue int

	TTL time.Duration
}

// Info describes a peer.
type Info struct {
	Name   string // short, as in the tables
	Module string // its module path, by which its version is found

	// Bound is what its cap counts; Policy is who goes when it is reached.
	Bound  string
	Policy string

	// Touch is its way of extending a TTL; empty if it has no TTL.
	Touch string

	New func(Config) (Peer, error)
}

// Bounded reports whether the peer has a cap at all.
func (i Info) Bounded() bool { return i.Bound != "nothing" }

// Expires reports whether the peer knows a TTL.
func (i Info) Expires() bool { return i.Touch != "" }

// Holdfast is the name of the peer that the others are compared with.
const Holdfast = "holdfast"

// All returns the peers, Holdfast first.
func All() []Info {
	return []Info{
		holdfastInfo, phusluInfo, freelruInfo, otterInfo, theineInfo, ristrettoInfo,
		fastcacheInfo, freecacheInfo, bigcacheInfo, ttlcacheInfo, hashicorpInfo,
		memstoreInfo, xsyncInfo, syncMapInfo,
	}
}

// Find returns the peer of that name.
func Find(name string) (Info, bool) {
	for _, info := range All() {
		if info.Name == name {
			return info, true
		}
	}
	return Info{}, false
}

// Open makes the peer of that name.
func Open(name string, c Config) (Peer, error) {
	info, ok := Find(name)
	if !ok {
		return nil, fmt.Errorf("no peer is called %q", name)
	}
	return info.New(c)
}
