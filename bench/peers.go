package main

import (
	"strings"
	"time"
	"unsafe"

	"github.com/holdfast-go/holdfast/cache"
)

// peer is a cache of sessions, used as the library's own documentation advises.
// Its functions may be called concurrently, except close, which comes last.
type peer struct {
	// set stores value under id. The caller reuses both, as the buffers of an
	// HTTP server: a cache that keeps references is handed fresh copies.
	set func(id string, value []byte)

	// get reports whether there is a value under id, and hands it to the
	// reader. It does not allocate if the library has such a way.
	get func(id string, r *reader) bool

	// touch restarts the TTL of the session under id in the library's own way,
	// and reports whether there was one. It is nil if the library has no TTL.
	touch func(id string) bool

	// wait returns after the policy has seen all earlier calls. It is nil if
	// the library's calls do all work themselves.
	wait func()

	close func()
}

// config is the size of a peer. Both caps are always given, and a peer uses the
// one that its library knows.
type config struct {
	Bytes    int64 // the cap in bytes
	Entries  int   // the cap in entries
	EntryLen int   // mean length of ID and value together
	MaxValue int   // length of the longest value
	TTL      time.Duration
}

// peerInfo describes a peer.
type peerInfo struct {
	name    string
	module  string // for its version
	cap     string // the unit of its cap, or unbounded
	policy  string // its eviction policy
	expires bool   // it has a TTL
	open    func(config) peer
}

const (
	holdfastName = "holdfast"
	unbounded    = "nothing"
)

func (p peerInfo) bounded() bool  { return p.cap != unbounded }
func (p peerInfo) String() string { return p.name }

// allPeers are the caches that are compared, Holdfast first.
var allPeers = []peerInfo{
	{holdfastName, "github.com/holdfast-go/holdfast", "all bytes", "LRU, segmented", true, openHoldfast},
	{"phuslu", "github.com/phuslu/lru", "entries", "LRU per shard", true, openPhuslu},
	{"freelru", "github.com/elastic/go-freelru", "entries", "LRU per shard", true, openFreeLRU},
	{"otter", "github.com/maypok86/otter/v2", "bytes of ID and value", "W-TinyLFU", true, openOtter},
	{"theine", "github.com/Yiling-J/theine-go", "bytes of ID and value", "W-TinyLFU", true, openTheine},
	{"ristretto", "github.com/dgraph-io/ristretto/v2", "bytes of ID and value", "TinyLFU, sampled", true, openRistretto},
	{"fastcache", "github.com/VictoriaMetrics/fastcache", "bytes of ID and value", "FIFO", false, openFastcache},
	{"freecache", "github.com/coocood/freecache", "bytes of ID, value and header", "LRU, approximate", true, openFreecache},
	{"bigcache", "github.com/allegro/bigcache/v3", "megabytes of its queues", "FIFO", true, openBigcache},
	{"ttlcache", "github.com/jellydator/ttlcache/v3", "bytes of ID and value", "LRU", true, openTTLCache},
	{"hashicorp", "github.com/hashicorp/golang-lru/v2", "entries", "LRU", true, openHashicorp},
	{"scs memstore", "github.com/alexedwards/scs/v2", unbounded, "none", true, openMemstore},
	{"xsync.Map", "github.com/puzpuzpuz/xsync/v4", unbounded, "none", false, openXsync},
	{"sync.Map", "std", unbounded, "none", false, openSyncMap},
}

func openHoldfast(c config) peer {
	h := must(cache.New(cache.Options{MaxBytes: c.Bytes, MaxValue: c.MaxValue}))
	return peer{
		set:   func(id string, value []byte) { _ = h.Set(id, value, c.TTL) },
		get:   func(id string, r *reader) bool { v, ok := h.Append(r.buf[:0], id); r.read(v); return ok },
		touch: func(id string) bool { return h.Touch(id, c.TTL) },
		close: func() { _ = h.Close() },
	}
}

// reader reads found values, one byte of each cache line, as decoding a session
// would at least. Each goroutine needs its own. It shares no cache line with
// another's: a processor would wait for each write of the other.
type reader struct {
	_   lineEnd
	sum uint64 // of all bytes read: keeps the compiler from removing the reads
	buf []byte // for libraries that copy the value
	_   lineEnd
}

const cacheLine = 64 // bytes

// lineEnd keeps what lies before it and what lies behind it on different cache
// lines.
type lineEnd [cacheLine]byte

// newReader returns a reader with room for values of up to maxValue bytes.
func newReader(maxValue int) *reader { return &reader{buf: make([]byte, 0, maxValue)} }

func (r *reader) read(v []byte) {
	for i := 0; i < len(v); i += cacheLine {
		r.sum += uint64(v[i])
	}
}

// copies returns copies for a cache that keeps references.
func copies(id string, value []byte) (string, []byte) {
	return strings.Clone(id), append(make([]byte, 0, len(value)), value...)
}

// bytesOf returns id's bytes without a copy, for libraries that neither change
// nor keep their keys.
func bytesOf(id string) []byte { return unsafe.Slice(unsafe.StringData(id), len(id)) }
