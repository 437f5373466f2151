package load

import "unsafe"

// Sequence is the IDs of a run of accesses, laid one after the other in memory
// that holds no pointers. Walking along it costs next to nothing: the processor
// sees the next ID coming, and the garbage collector does not look inside. So
// what is timed is the cache and not the making of IDs.
type Sequence struct{ ids []byte }

// Draw replaces the sequence by count accesses drawn from p, each number moved
// up by offset: beyond the number of sessions stored, they are IDs of nobody. A
// sequence's memory is used again.
func (s *Sequence) Draw(p *Picker, count int, offset uint64) {
	if cap(s.ids) < count*IDLen {
		s.ids = make([]byte, 0, count*IDLen)
	}
	s.ids = s.ids[:0]
	for range count {
		s.ids = AppendID(s.ids, offset+p.Pick())
	}
}

// Len returns the number of accesses.
func (s *Sequence) Len() int { return len(s.ids) / IDLen }

// At returns the ID of access i. It shares the sequence's memory: a cache that
// keeps it must be given a copy.
func (s *Sequence) At(i int) string {
	id := s.ids[i*IDLen : (i+1)*IDLen]
	return unsafe.String(unsafe.SliceData(id), IDLen)
}
