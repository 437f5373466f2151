package stock

import (
	"testing"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/peer"
)

func TestFill(t *testing.T) {
	for _, timed := range []bool{false, true} {
		var s Stock
		r, err := s.Fill(Order{Peer: peer.Holdfast, Sessions: 1000, ValueLen: 64, TTL: time.Hour, Timed: timed})
		if err != nil {
			t.Fatal(err)
		}
		if r.Kept != 1000 {
			t.Errorf("timed %v: %d of 1000 sessions were kept", timed, r.Kept)
		}
		if timed != (r.Longest > 0) {
			t.Errorf("timed %v: the longest Set took %v", timed, r.Longest)
		}
		s.Peer.Close()
	}
}

func TestFillTwice(t *testing.T) {
	var s Stock
	r, err := s.Fill(Order{Peer: peer.Holdfast, Sessions: 1000, ValueLen: 64, TTL: time.Hour, Twice: true})
	if err != nil || r.Kept != 1000 {
		t.Errorf("filled twice: %+v, %v", r, err)
	}
	s.Peer.Close()
}

func TestFillUnknownPeer(t *testing.T) {
	var s Stock
	if _, err := s.Fill(Order{Peer: "nobody"}); err == nil {
		t.Error("a peer that does not exist was filled")
	}
}
