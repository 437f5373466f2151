package main

import (
	"container/heap"
	"container/list"
	"slices"
)

// policy is a cache of objects that have one size. It serves a request, and
// reports whether the object was cached.
type policy func(object uint32) (hit bool)

// references are published policies, as simulations of the whole cache without
// shards. They have the capacity exactly.
var references = []struct {
	name string
	open func(capacity int) policy
}{
	{"exact LRU", newLRU}, {"ARC", newARC}, {"S3-FIFO", newS3FIFO}, {"SIEVE", newSieve},
}

// hits returns the hits of a policy.
func hits(p policy, requests []uint32) (hits int) {
	for _, object := range requests {
		if p(object) {
			hits++
		}
	}
	return hits
}

// ordered is a set of objects in the order in which they were pushed.
type ordered struct {
	order list.List // the newest first
	at    map[uint32]*list.Element
}

func newOrdered() *ordered                 { return &ordered{at: map[uint32]*list.Element{}} }
func (l *ordered) len() int                { return l.order.Len() }
func (l *ordered) has(object uint32) bool  { return l.at[object] != nil }
func (l *ordered) push(object uint32)      { l.at[object] = l.order.PushFront(object) }
func (l *ordered) pop() (oldest uint32)    { oldest = l.oldest(); l.remove(oldest); return oldest }
func (l *ordered) oldest() (oldest uint32) { return l.order.Back().Value.(uint32) }

func (l *ordered) remove(object uint32) (had bool) {
	e := l.at[object]
	if e != nil {
		l.order.Remove(e)
		delete(l.at, object)
	}
	return e != nil
}

// newLRU evicts the object that was requested least recently.
func newLRU(capacity int) policy {
	cached := newOrdered()
	return func(object uint32) bool {
		hit := cached.remove(object)
		if cached.push(object); cached.len() > capacity {
			cached.pop()
		}
		return hit
	}
}

// newSieve is SIEVE (Zhang, Yang, Yue, Vigfusson and Rashmi, NSDI 2024): a hand
// moves from the oldest object to the newest, and evicts the first that was not
// visited since the hand last passed.
func newSieve(capacity int) policy {
	cached, visited := newOrdered(), map[uint32]bool{}
	var hand *list.Element // nil: the oldest
	return func(object uint32) bool {
		if cached.has(object) {
			visited[object] = true
			return true
		}
		if cached.len() == capacity {
			for {
				if hand == nil {
					hand = cached.order.Back()
				}
				at := hand.Value.(uint32)
				if hand = hand.Prev(); !visited[at] {
					cached.remove(at)
					break
				}
				delete(visited, at)
			}
		}
		cached.push(object)
		return false
	}
}

// newS3FIFO is S3-FIFO (Yang, Zhang, Qiu, Yue and Rashmi, SOSP 2023): a small
// queue for a tenth of the capacity, a main queue, and a ghost queue as long as
// the main one. An object that is requested twice more in the small queue, or
// once more in the ghost queue, reaches the main one.
func newS3FIFO(capacity int) policy {
	small, main, ghosts := newOrdered(), newOrdered(), newOrdered()
	uses := map[uint32]int{} // since the object was pushed, up to 3
	roomForSmall := max(1, capacity/10)
	roomForMain := capacity - roomForSmall
	evictMain := func() {
		for main.len() > 0 {
			object := main.pop()
			if uses[object] == 0 {
				delete(uses, object)
				return
			}
			uses[object]--
			main.push(object)
		}
	}
	evictSmall := func() {
		for small.len() > 0 {
			object := small.pop()
			if uses[object] <= 1 {
				delete(uses, object)
				if ghosts.push(object); ghosts.len() > roomForMain {
					ghosts.pop()
				}
				return
			}
			if main.len() >= roomForMain {
				evictMain()
			}
			uses[object] = 0
			main.push(object)
		}
	}
	return func(object uint32) bool {
		if small.has(object) || main.has(object) {
			uses[object] = min(3, uses[object]+1)
			return true
		}
		for small.len()+main.len() >= capacity {
			if small.len() >= roomForSmall {
				evictSmall()
			} else {
				evictMain()
			}
		}
		if ghosts.remove(object) {
			main.push(object)
		} else {
			small.push(object)
		}
		return false
	}
}

// newARC is ARC (Megiddo and Modha, FAST 2003): a list of objects requested
// once and one of objects requested again, each with the ghosts of those
// evicted from it. A ghost that is requested moves the target length of the
// first list.
func newARC(capacity int) policy {
	once, again, onceGhosts, againGhosts := newOrdered(), newOrdered(), newOrdered(), newOrdered()
	target := 0.0 // of once
	replace := func(inAgainGhosts bool) {
		if n := float64(once.len()); n > 0 && (n > target || inAgainGhosts && n == target) {
			onceGhosts.push(once.pop())
		} else {
			againGhosts.push(again.pop())
		}
	}
	step := func(own, other *ordered) float64 { return max(1, float64(other.len())/float64(own.len())) }
	return func(object uint32) bool {
		switch {
		case once.remove(object) || again.remove(object):
			again.push(object)
			return true
		case onceGhosts.has(object):
			target = min(target+step(onceGhosts, againGhosts), float64(capacity))
			replace(false)
			onceGhosts.remove(object)
			again.push(object)
			return false
		case againGhosts.has(object):
			target = max(target-step(againGhosts, onceGhosts), 0)
			replace(true)
			againGhosts.remove(object)
			again.push(object)
			return false
		}
		if once.len() == capacity {
			once.pop()
		} else if all := once.len() + again.len() + onceGhosts.len() + againGhosts.len(); all >= capacity {
			if once.len()+onceGhosts.len() == capacity {
				onceGhosts.pop()
			} else if all == 2*capacity {
				againGhosts.pop()
			}
			replace(false)
		}
		once.push(object)
		return false
	}
}

// belady returns the hits of the optimal cache (Belady 1966). It always evicts
// the object whose next request is farthest away, even the one that was just
// requested.
func belady(requests []uint32, capacity int) int {
	cached := make(map[int]bool) // by the position of the object's next request
	farthest := queue[int]{before: func(a, b int) bool { return a > b }}
	hits := 0
	for i, next := range nextRequests(requests) {
		if cached[i] {
			hits++
			delete(cached, i)
		}
		if next == 0 {
			continue
		}
		cached[next] = true
		heap.Push(&farthest, next)
		if len(cached) > capacity { // positions in the past are not the farthest
			delete(cached, heap.Pop(&farthest).(int))
		}
	}
	return hits
}

// nextRequests returns for each request the position of the next one for the
// same object, or 0 if there is none.
func nextRequests(requests []uint32) []int {
	next := make([]int, len(requests))
	at := make(map[uint32]int)
	for i, object := range slices.Backward(requests) {
		next[i], at[object] = at[object], i
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
