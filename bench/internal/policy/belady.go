package policy

import "container/heap"

// Belady returns the hits of the cache of so many objects that nobody can beat:
// it always gives up the object whose next request is farthest away, be it the
// one that was just requested.
func Belady(requests []uint32, capacity int) int {
	if capacity < 1 {
		return 0
	}
	next := nextRequests(requests)
	cached := make(map[uint32]int) // object → when it is next requested
	var farthest uses
	hits := 0
	for i, object := range requests {
		if _, ok := cached[object]; ok {
			hits++
		}
		cached[object] = next[i]
		heap.Push(&farthest, use{next[i], object})
		if len(cached) > capacity {
			evict(cached, &farthest)
		}
	}
	return hits
}

// evict removes the cached object that is requested last. Uses that have been
// followed by another of the same object are still among farthest, and are
// passed over.
func evict(cached map[uint32]int, farthest *uses) {
	for {
		u := heap.Pop(farthest).(use)
		if at, ok := cached[u.object]; ok && at == u.next {
			delete(cached, u.object)
			return
		}
	}
}

// nextRequests returns for each request the position of the next one for the
// same object, beyond the end if there is none.
func nextRequests(requests []uint32) []int {
	next := make([]int, len(requests))
	at := make(map[uint32]int)
	for i := len(requests) - 1; i >= 0; i-- {
		if later, ok := at[requests[i]]; ok {
			next[i] = later
		} else {
			next[i] = len(requests)
		}
		at[requests[i]] = i
	}
	return next
}

// use says when an object will next be requested.
type use struct {
	next   int
	object uint32
}

// uses is a heap.Interface, the farthest use first.
type uses []use

func (u uses) Len() int           { return len(u) }
func (u uses) Less(i, j int) bool { return u[i].next > u[j].next }
func (u uses) Swap(i, j int)      { u[i], u[j] = u[j], u[i] }
func (u *uses) Push(x any)        { *u = append(*u, x.(use)) }
func (u *uses) Pop() any {
	last := len(*u) - 1
	x := (*u)[last]
	*u = (*u)[:last]
	return x
}
