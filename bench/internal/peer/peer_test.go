package peer

import (
	"bytes"
	"testing"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/load"
)

// Every adapter must find what it stored, and nothing else.
func TestPeersKeepWhatTheyAreGiven(t *testing.T) {
	for _, info := range All() {
		t.Run(info.Name, func(t *testing.T) {
			t.Parallel()
			const sessions, valueLen = 100, 256
			p, err := info.New(Config{
				Bytes: 64 << 20, Entries: 4096, EntryLen: load.IDLen + valueLen, MaxValue: valueLen, TTL: time.Hour,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()

			fill(p, sessions, valueLen)
			r := NewReader(valueLen)
			for n := range uint64(sessions) {
				r.Sum = 0
				want := &Reader{}
				want.Value(load.Value(valueLen, n))
				if !p.Get(load.ID(n), r) || r.Sum != want.Sum {
					t.Fatalf("session %d was lost or changed", n)
				}
				if !p.Touch(load.ID(n)) {
					t.Fatalf("session %d could not be touched", n)
				}
			}
			if p.Get(load.ID(sessions), r) || p.Touch(load.ID(sessions)) {
				t.Error("a session was found that had never been stored")
			}
		})
	}
}

// fill reuses one value buffer, which an adapter that forgets to copy would
// betray, and waits for caches that store later than Set returns.
func fill(p Peer, sessions, valueLen int) {
	buf := make([]byte, valueLen)
	for n := range uint64(sessions) {
		copy(buf, load.Value(valueLen, n))
		p.Set(load.ID(n), buf)
		if w, ok := p.(ristrettoCache); ok {
			w.cache.Wait()
		}
	}
	clear(buf)
}

func TestReaderReadsOneByteOfEachCacheLine(t *testing.T) {
	r := NewReader(0)
	r.Value(bytes.Repeat([]byte{1}, 130))
	if r.Sum != 3 {
		t.Errorf("130 bytes were read as %d cache lines, want 3", r.Sum)
	}
}

func TestFind(t *testing.T) {
	if info, ok := Find(Holdfast); !ok || info.Name != All()[0].Name {
		t.Error("Holdfast is not the first peer")
	}
	if _, ok := Find("nobody"); ok {
		t.Error("found a peer that is not there")
	}
}
