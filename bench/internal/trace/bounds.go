package trace

import (
	"container/heap"
	"container/list"
)

// LRU returns the hits of an exact least-recently-used cache with room for
// capacity objects.
func LRU(requests []uint32, capacity int) int {
	if capacity < 1 {
		return 0
	}
	order := list.New()
	where := make(map[uint32]*list.Element, capacity)
	hits := 0
	for _, object := range requests {
		if e, ok := where[object]; ok {
			order.MoveToFront(e)
			hits++
			continue
		}
		if order.Len() == capacity {
			delete(where, order.Remove(order.Back()).(uint32))
		}
		where[object] = order.PushFront(object)
	}
	return hits
}

// Belady returns the hits of the optimal cache with room for capacity objects
// (Belady 1966). It always evicts the object whose next request is farthest
// away, even the one that was just requested.
func Belady(requests []uint32, capacity int) int {
	if capacity < 1 {
		return 0
	}
	next := nextRequests(requests)
	cached := make(map[uint32]int) // object → position of its next request
	farthest := queue[use]{before: func(a, b use) bool { return a.next > b.next }}
	hits := 0
	for i, object := range requests {
		if _, ok := cached[object]; ok {
			hits++
		}
		cached[object] = next[i]
		heap.Push(&farthest, use{next[i], object})
		for len(cached) > capacity {
			// A use that another use of the same object replaced is stale.
			u := heap.Pop(&farthest).(use)
			if at, ok := cached[u.object]; ok && at == u.next {
				delete(cached, u.object)
			}
		}
	}
	return hits
}

// use is the position of an object's next request.
type use struct {
	next   int
	object uint32
}

// nextRequests returns for each request the position of the next one for the
// same object, or len(requests) if there is none.
func nextRequests(requests []uint32) []int {
	next := make([]int, len(requests))
	at := make(map[uint32]int)
	for i := len(requests) - 1; i >= 0; i-- {
		later, ok := at[requests[i]]
		if !ok {
			later = len(requests)
		}
		next[i], at[requests[i]] = later, i
	}
	return next
}

// queue is a heap.Interface whose first item is before all others.
type queue[T any] struct {
	items  []T
	before func(a, b T) bool
}

func (q *queue[T]) Len() int           { return len(q.items) }
func (q *queue[T]) Less(i, j int) bool { return q.before(q.items[i], q.items[j]) }
func (q *queue[T]) Swap(i, j int)      { q.items[i], q.items[j] = q.items[j], q.items[i] }
func (q *queue[T]) Push(x any)         { q.items = append(q.items, x.(T)) }
func (q *queue[T]) Pop() any {
	last := len(q.items) - 1
	x := q.items[last]
	q.items = q.items[:last]
	return x
}
