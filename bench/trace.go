package main

import (
	"bufio"
	"container/heap"
	"container/list"
	"fmt"
	"io"
	"slices"
)

// trace is a sequence of requests for objects. The objects are numbered from 0
// in the order of their first request.
type trace struct {
	requests []uint32
	objects  int
	lengths  lengths
}

// readARC reads the format of the traces published with ARC (Megiddo and Modha
// 2003). Each line has four numbers: the first block, the number of consecutive
// blocks, one that is ignored, and the number of the request. Each block is a
// request. All
// objects have one length.
func readARC(r io.Reader) (t trace, err error) {
	const maxBlocks = 1 << 20 // a damaged file must not exhaust memory
	number := make(map[uint64]uint32)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var first, count uint64
		n, err := fmt.Sscan(lines.Text(), &first, &count)
		if n == 0 && err == io.EOF { // an empty line
			continue
		}
		if err != nil || count > maxBlocks || first+count < first {
			return trace{}, fmt.Errorf("%.40q does not begin with a block and a number of blocks up to %d", lines.Text(), maxBlocks)
		}
		for block := first; block < first+count; block++ {
			if _, ok := number[block]; !ok {
				number[block] = uint32(t.objects)
				t.objects++
			}
			t.requests = append(t.requests, number[block])
		}
	}
	t.lengths = plainLengths
	return t, lines.Err()
}

// exactLRU returns the hits of an exact least-recently-used cache with room for
// capacity objects.
func exactLRU(requests []uint32, capacity int) int {
	order := list.New()
	where := make(map[uint32]*list.Element)
	hits := 0
	for _, object := range requests {
		if e, ok := where[object]; ok {
			order.MoveToFront(e)
			hits++
			continue
		}
		where[object] = order.PushFront(object)
		if order.Len() > capacity {
			delete(where, order.Remove(order.Back()).(uint32))
		}
	}
	return hits
}

// belady returns the hits of the optimal cache with room for capacity objects
// (Belady 1966). It always evicts the object whose next request is farthest
// away, even the one that was just requested.
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
