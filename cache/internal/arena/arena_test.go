package arena

import (
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	movable = KindOwner + iota
	pinned
)

// owned is an allocated block as the model knows it.
type owned struct {
	granules uint32 // as requested; the block may have one more
	kind     Kind
	flags    Header // mark and slack
	seed     byte   // of the contents
}

// model drives an arena and keeps a plain map of the blocks that it has
// allocated. After each step it compares the two.
type model struct {
	t       testing.TB
	a       Arena
	blocks  map[Ref]owned
	headers []Header
	target  int64 // bytes of the region after Cut, while it shrinks; else 0
	seed    byte
}

const (
	modelMost  = 1 << 16 // bytes of the region
	modelLeast = 1 << 10
)

func newModel(t testing.TB) *model {
	memory, err := Reserve(8 << 10)
	require.NoError(t, err)
	m := &model{t: t, blocks: map[Ref]owned{}, headers: make([]Header, modelMost/Granule)}
	m.a.Init(memory)
	t.Cleanup(func() { Release(m.a.Memory()) })
	return m
}

// step does one random operation. choose returns a number below its argument.
func (m *model) step(choose func(n int) int) {
	switch op := choose(16); {
	case op < 5:
		m.alloc(size(choose), choose)
	case op < 6:
		granules := size(choose)
		least := MinBlock + uint32(choose(int(granules)-1))
		long := max(m.longest()/2, uint32(len(m.a.Unused())/Granule)) // a class spans less than a doubling
		if r := m.a.AllocUpTo(granules, least, movable); r != 0 {
			n := m.a.Header(r).Granules()
			require.GreaterOrEqual(m.t, n, max(least, min(granules, long)))
			require.LessOrEqual(m.t, n, granules+1)
			m.own(r, min(n, granules), movable, choose)
		}
	case op < 10:
		if r := m.any(choose); r != 0 {
			delete(m.blocks, r)
			m.a.Free(r)
		}
	case op < 11:
		if r := m.any(choose); r != 0 {
			b := m.blocks[r]
			b.granules = MinBlock + uint32(choose(int(b.granules)-1))
			m.a.Trim(r, b.granules)
			m.blocks[r] = b
		}
	case op < 12:
		m.cutFront(choose)
	case op < 14:
		m.compact(size(choose), choose)
	case op < 15:
		m.a.GiveBackTop()
		m.a.GiveBackFree()
	default:
		m.resize(choose)
	}
}

// size returns a length for a block: most are short.
func size(choose func(int) int) uint32 {
	return MinBlock + uint32(choose(1<<(1+choose(9))))
}

func (m *model) alloc(granules uint32, choose func(int) int) {
	kind := Kind(movable)
	if choose(8) == 0 {
		kind = pinned
	}
	r := m.a.Alloc(granules, kind)
	if r == 0 {
		if enough := granules; !m.a.GaveUp() {
			if granules >= exactClasses {
				enough *= 2 // a search does not try all blocks of the class
			}
			require.Less(m.t, m.longest(), enough, "%d granules", granules)
		}
		return
	}
	n := m.a.Header(r).Granules()
	require.GreaterOrEqual(m.t, n, granules)
	require.LessOrEqual(m.t, n, granules+1)
	m.own(r, granules, kind, choose)
}

// longest returns the length of the longest free block that is not retired.
func (m *model) longest() (most uint32) {
	for r, h := range m.a.Blocks() {
		if h.Kind() == KindFree && !m.a.IsRetired(r) {
			most = max(most, h.Granules())
		}
	}
	return most
}

// own adds the new block at r to the model and fills it.
func (m *model) own(r Ref, granules uint32, kind Kind, choose func(int) int) {
	require.False(m.t, m.a.IsRetired(r), "%d is retired", r)
	if _, ok := m.blocks[r]; ok {
		require.FailNow(m.t, "allocated twice", "block %d", r)
	}
	m.seed++
	b := owned{granules: granules, kind: kind, seed: m.seed}
	h := m.a.Header(r)
	h.Clear(Mark)
	if choose(2) == 0 {
		h.Set(Mark)
	}
	h.SetSlack(uint32(choose(MaxSlack + 1)))
	b.flags = *h & (Mark | MaxSlack<<slackShift)
	m.blocks[r] = b
	m.fill(r, b)
}

func (m *model) fill(r Ref, b owned) {
	for i, bytes := 0, m.a.Bytes(r, 4, b.granules*Granule); i < len(bytes); i++ {
		bytes[i] = b.seed + byte(i)
	}
}

// any returns one of the allocated blocks, or 0 if there is none.
func (m *model) any(choose func(int) int) Ref {
	if len(m.blocks) == 0 {
		return 0
	}
	return slices.Sorted(maps.Keys(m.blocks))[choose(len(m.blocks))]
}

func (m *model) cutFront(choose func(int) int) {
	r := m.any(choose)
	if r == 0 || m.blocks[r].granules < 2*MinBlock {
		return
	}
	b := m.blocks[r]
	front := MinBlock + uint32(choose(int(b.granules)-2*MinBlock+1))
	delete(m.blocks, r)
	rest := m.a.CutFront(r, front)
	require.Equal(m.t, r+Ref(front), rest)
	b.granules -= front
	m.blocks[rest] = b
	m.fill(rest, b) // its header is where contents were
}

func (m *model) compact(granules uint32, choose func(int) int) {
	r := m.a.Compact(granules, m)
	if r == 0 {
		return
	}
	require.Equal(m.t, KindReserved, m.a.Header(r).Kind())
	require.GreaterOrEqual(m.t, m.a.Header(r).Granules(), granules)
	m.a.Trim(r, granules)
	m.a.Header(r).SetKind(movable)
	m.own(r, granules, movable, choose)
}

// Weight makes the model a Mover.
func (m *model) Weight(r Ref) (int64, bool) {
	b, ok := m.blocks[r]
	require.True(m.t, ok, "there is no block at %d", r)
	return int64(b.granules), b.kind == movable
}

// Evacuate makes the model a Mover.
func (m *model) Evacuate(r Ref) bool {
	b := m.blocks[r]
	require.Equal(m.t, Kind(movable), b.kind)
	to := m.a.Alloc(b.granules, movable)
	if to == 0 {
		return false
	}
	require.False(m.t, m.a.IsRetired(to))
	copy(m.a.Bytes(to, 4, b.granules*Granule), m.a.Bytes(r, 4, b.granules*Granule))
	m.a.Header(to).Clear(Mark)
	m.a.Header(to).Set(b.flags & Mark)
	m.a.Header(to).SetSlack(b.flags.Slack())
	delete(m.blocks, r)
	m.a.Free(r)
	m.blocks[to] = b
	return true
}

// resize gives the region another size. It shrinks in several steps, so that
// other operations come between.
func (m *model) resize(choose func(int) int) {
	size := int64(modelLeast+choose(modelMost-modelLeast)) &^ (Granule - 1)
	have := int64(len(m.a.Memory()))
	switch {
	case m.target != 0 && choose(4) > 0:
	case m.target != 0:
		for r := range maps.Clone(m.blocks) {
			if m.a.IsRetired(r) && !(m.blocks[r].kind == movable && m.Evacuate(r)) {
				delete(m.blocks, r)
				m.a.Free(r)
			}
		}
		m.cut()
	case size > have:
		m.a.ResizeTable(size)
		require.NoError(m.t, m.a.Grow(size))
		require.Equal(m.t, size, m.a.Granules()*Granule)
	case size < have:
		m.target = size
		if !m.a.Retire(size / Granule) {
			m.cut()
		}
	}
}

func (m *model) cut() {
	before := m.a.Memory()
	require.True(m.t, m.a.Cut(m.target), "blocks lie in the retired memory")
	Truncate(before, m.target)
	require.Equal(m.t, m.target, m.a.Granules()*Granule)
	require.Len(m.t, m.a.Memory(), int(m.target))
	m.a.ResizeTable(m.target)
	m.target = 0
}

// check compares the arena with the model.
func (m *model) check() {
	clear(m.headers)
	require.NoError(m.t, m.a.Check(m.headers))
	end, used := Ref(firstGranules), int64(SentinelGranules)
	for _, r := range slices.Sorted(maps.Keys(m.blocks)) {
		b, h := m.blocks[r], m.headers[r]
		if r < end || h.Kind() != b.kind || h.Granules() < b.granules || h&(Mark|MaxSlack<<slackShift) != b.flags {
			require.FailNow(m.t, "wrong header", "block %d: %+v, header %x, the one before ends at %d", r, b, h, end)
		}
		end = r + Ref(h.Granules())
		used += int64(h.Granules())
		for i, c := range m.a.Bytes(r, 4, b.granules*Granule) {
			if c != b.seed+byte(i) {
				require.FailNow(m.t, "changed contents", "byte %d of the block at %d", i, r)
			}
		}
	}
	for r, h := range m.headers[:m.a.Granules()] {
		if h != 0 && h.Kind() >= KindReserved && m.blocks[Ref(r)] == (owned{}) {
			require.FailNow(m.t, "unknown block", "%d of kind %d", r, h.Kind())
		}
	}
	free := m.a.Granules() - used
	if m.target == 0 {
		require.Equal(m.t, free, m.a.FreeGranules())
	}
	require.LessOrEqual(m.t, m.a.FreeGranules(), free)
}

// The arena agrees with a map of blocks through 20,000 random operations, or
// HOLDFAST_LONG times as many.
func TestArena_model(t *testing.T) {
	steps := 20_000
	if n, err := strconv.Atoi(os.Getenv("HOLDFAST_LONG")); err == nil {
		steps *= n
	}
	for seed := range uint64(4) {
		m := newModel(t)
		random := rand.New(rand.NewPCG(seed, 2))
		for range steps / 4 {
			m.step(random.IntN)
			m.check()
		}
	}
}

// FuzzArena is the model, driven by the input.
func FuzzArena(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		script := make([]byte, 400)
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		script = script[:min(len(script), 2000)]
		choose := func(n int) int {
			x := 0
			for size := n - 1; size > 0; size >>= 8 {
				if len(script) == 0 {
					return 0
				}
				x, script = x<<8|int(script[0]), script[1:]
			}
			return x % n
		}
		for m := newModel(t); len(script) > 0; {
			m.step(choose)
			m.check()
		}
	})
}

func TestArena_empty(t *testing.T) {
	memory, err := Reserve(SentinelGranules * Granule)
	require.NoError(t, err)
	defer Release(memory)
	var a Arena
	a.Init(memory)
	assert.Zero(t, a.FreeGranules())
	assert.EqualValues(t, len(memory), a.UsedBytes())
	assert.Zero(t, a.Alloc(MinBlock, KindOwner))
	assert.Zero(t, a.AllocUpTo(MinBlock, MinBlock, KindOwner))
	assert.NoError(t, a.Check(make([]Header, SentinelGranules)))
}

// A long free block and the memory beyond top give their pages back once, and
// the blocks around them keep their contents.
func TestArena_give_back(t *testing.T) {
	if Guarded {
		t.Skip("guarded blocks are not given back")
	}
	memory, err := Reserve(1 << 20)
	require.NoError(t, err)
	m := &model{t: t, blocks: map[Ref]owned{}, headers: make([]Header, 1<<20/Granule)}
	m.a.Init(memory)
	t.Cleanup(func() { Release(m.a.Memory()) })
	none := func(int) int { return 1 }
	var refs []Ref
	m.alloc(512-firstGranules, none) // the other blocks begin where pages begin
	for range 10 {
		before := m.a.Top()
		m.alloc(20*512, none)
		refs = append(refs, before)
	}
	for _, r := range []Ref{refs[3], refs[4], refs[9]} {
		delete(m.blocks, r)
		m.a.Free(r)
	}
	assert.True(t, m.a.GiveBackTop())
	assert.False(t, m.a.GiveBackTop())
	assert.True(t, m.a.GiveBackFree())
	assert.False(t, m.a.GiveBackFree())
	assert.False(t, m.a.Emptied())
	m.check()
	for _, r := range refs[:8] {
		if _, ok := m.blocks[r]; ok {
			delete(m.blocks, r)
			m.a.Free(r)
		}
	}
	assert.True(t, m.a.Emptied())
	m.check()
}

// One call gives a few MiB back at most.
func TestArena_give_back_bounds(t *testing.T) {
	const most = 4 << 20 / Granule
	memory, err := Reserve(40 << 20)
	require.NoError(t, err)
	var a Arena
	a.Init(memory)
	t.Cleanup(func() { Release(a.Memory()) })
	long := a.Alloc(30<<20/Granule, movable)
	last := a.Alloc(MinBlock, movable)
	a.Free(long)
	for calls := 0; !Guarded; calls++ {
		before := a.freeBlock(long).given
		if !a.GiveBackFree() {
			assert.Equal(t, 8, calls)
			break
		}
		require.LessOrEqual(t, a.freeBlock(long).given-before, uint32(most))
	}
	a.Free(last)
	for calls := 0; ; calls++ {
		before := a.touched
		if !a.GiveBackTop() {
			assert.Equal(t, 8, calls)
			break
		}
		require.LessOrEqual(t, before-a.touched, Ref(most))
	}
}

// Nothing is allocated in retired memory, and Cut waits until it is empty.
func TestArena_retired(t *testing.T) {
	m := newModel(t)
	none := func(int) int { return 1 }
	var refs []Ref
	for r := m.a.Top(); m.a.FreeGranules() >= 16; r = m.a.Top() {
		m.alloc(16, none)
		refs = append(refs, r)
	}
	half := m.a.Granules() / 2
	m.target = half * Granule
	require.True(t, m.a.Retire(half))
	assert.True(t, m.a.Retiring())
	assert.False(t, m.a.Cut(m.target))
	for i, r := range slices.Backward(refs) {
		if !m.a.IsRetired(r) {
			break
		}
		delete(m.blocks, r)
		m.a.Free(r)
		require.Zero(t, m.a.Alloc(16, KindOwner), "block %d of %d", i, len(refs))
		m.check()
	}
	m.cut()
	m.check()
	assert.False(t, m.a.Retiring())
}

func TestHeader(t *testing.T) {
	var h Header
	h.SetKind(KindOwner + 4)
	h.setGranules(MaxBlock)
	h.SetSlack(MaxSlack)
	h.Set(Mark)
	h.Set(afterFree)
	assert.Equal(t, Kind(KindOwner+4), h.Kind())
	assert.EqualValues(t, MaxBlock, h.Granules())
	assert.EqualValues(t, MaxSlack, h.Slack())
	assert.EqualValues(t, MaxBlock*Granule-MaxSlack, h.End())
	assert.True(t, h.Is(Mark) && h.Is(afterFree))
	h.Clear(Mark)
	h.SetKind(KindFree)
	h.SetSlack(0)
	assert.Equal(t, afterFree|MaxBlock, h)
}

// A length belongs to the class of the longest blocks that are not longer.
func TestClasses(t *testing.T) {
	before := classOf(0)
	for granules := uint32(1); granules <= MaxBlock; granules += 1 + granules/100 {
		c := classOf(granules)
		require.True(t, c == before || c == before+1, "%d granules", granules)
		before = c
	}
	assert.Less(t, classOf(MaxBlock), 64*classWords)
	assert.EqualValues(t, listBytes, unsafe.Sizeof(Ref(0)))
}

// base is the last field, behind those that only writes need.
func TestArena_layout(t *testing.T) {
	var a Arena
	assert.Equal(t, unsafe.Sizeof(a), unsafe.Offsetof(a.base)+unsafe.Sizeof(a.base))
	assert.EqualValues(t, Granule*freeHeaderGranules, unsafe.Sizeof(freeBlock{}))
}

// A search within a class skips the retired block behind a short one.
func TestArena_retired_same_class(t *testing.T) {
	m := newModel(t)
	half := Ref(m.a.Granules() / 2)
	low := m.a.Alloc(exactClasses, movable)
	m.a.Alloc(uint32(half-m.a.Top()), movable)
	high := m.a.Alloc(exactClasses+3, movable)
	for m.a.Alloc(MinBlock, movable) != 0 {
	}
	m.a.Free(high)
	m.a.Free(low)
	require.Equal(t, classOf(exactClasses), classOf(exactClasses+3))
	require.True(t, m.a.Retire(int64(half)))
	assert.Zero(t, m.a.Alloc(exactClasses+3, movable))
	assert.Equal(t, low, m.a.Alloc(exactClasses, movable))
}
