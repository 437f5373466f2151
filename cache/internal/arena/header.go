package arena

// Header is the first word of each block: its length, its kind, and the
// properties that blocks of all kinds share.
//
//	bit  31    29 28     27         26    23 22        0
//	    ┌────────┬──────┬──────────┬────────┬───────────┐
//	    │  kind  │ mark │afterFree │ slack  │ granules  │
//	    └────────┴──────┴──────────┴────────┴───────────┘
type Header uint32

const (
	granuleBits = 23
	slackShift  = granuleBits
	kindShift   = 29

	// MaxBlock is the length of the longest block, in granules.
	MaxBlock = 1<<granuleBits - 1

	// MinBlock is the length of the shortest block, in granules: a free block
	// has room for its links and for its length at the end.
	MinBlock = 2

	// MaxSlack is the largest slack that a Header can hold, in bytes.
	MaxSlack = 15

	afterFree Header = 1 << 27

	// Mark is a flag that the owner of an allocated block may use as it likes.
	// On a free block it means that the block is in no list.
	Mark Header = 1 << 28

	unlisted = Mark
)

// Kind is the purpose of a block. The zero Kind is that of a free block.
type Kind uint32

const (
	KindFree     Kind = iota // in a list, or retired
	KindSentinel             // the first and the last block
	KindReserved             // allocated, but not in use yet; Compact does not move it
	KindOwner                // the first of five kinds for the owner of the arena
)

// Granules returns the length of the block.
func (h Header) Granules() uint32 { return uint32(h & MaxBlock) }

// Slack returns how many bytes at the end of the block are not in use, as the
// owner of the block has set it.
func (h Header) Slack() uint32 { return uint32(h>>slackShift) & MaxSlack }

// Kind returns the kind of the block.
func (h Header) Kind() Kind { return Kind(h >> kindShift) }

// Is reports whether a flag is set.
func (h Header) Is(flag Header) bool { return h&flag != 0 }

// Set sets a flag. A zero flag changes nothing.
func (h *Header) Set(flag Header) { *h |= flag }

// Clear clears a flag.
func (h *Header) Clear(flag Header) { *h &^= flag }

// SetSlack sets the slack, at most MaxSlack bytes.
func (h *Header) SetSlack(n uint32) { *h = *h&^(MaxSlack<<slackShift) | Header(n<<slackShift) }

// SetKind makes an allocated block one of another kind. To free the block, call
// Arena.Free.
func (h *Header) SetKind(k Kind) { *h = *h&(1<<kindShift-1) | Header(k)<<kindShift }

func (h *Header) setGranules(n uint32) { *h = *h&^MaxBlock | Header(n) }

// End returns where the bytes in use end and the slack begins, in bytes from
// the start of the block.
func (h Header) End() uint32 { return h.Granules()*Granule - h.Slack() }
