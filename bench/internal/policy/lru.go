// Package policy replays traces on two caches that bound what any real one can
// reach: the exact LRU, which most imitate, and Belady's, which knows the
// future.
package policy

import "container/list"

// LRU returns the hits of an exact least-recently-used cache of so many
// objects.
func LRU(requests []uint32, capacity int) int {
	order := list.New()
	where := make(map[uint32]*list.Element, capacity)
	hits := 0
	for _, object := range requests {
		if e, ok := where[object]; ok {
			order.MoveToFront(e)
			hits++
			continue
		}
		if capacity < 1 {
			continue
		}
		if order.Len() == capacity {
			oldest := order.Back()
			delete(where, order.Remove(oldest).(uint32))
		}
		where[object] = order.PushFront(object)
	}
	return hits
}
