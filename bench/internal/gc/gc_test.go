package gc

import (
	"testing"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/stock"
)

func TestTasks(t *testing.T) {
	s := new(stock.Stock)
	if _, err := s.Fill(stock.Order{Peer: peer.Holdfast, Sessions: 1000, ValueLen: 256, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	defer s.Peer.Close()
	if took, err := collect(3); err != nil || len(took) != 3 || took[0] <= 0 {
		t.Errorf("collect = %v, %v", took, err)
	}
	share, err := steady(s, Load{PerSecond: 20_000, Garbage: 8 << 10, Cycles: 2, AtMost: 10 * time.Second})
	if err != nil || share.Cycles < 2 || share.Cores <= 0 {
		t.Errorf("steady = %+v, %v", share, err)
	}
	if share, err := steady(s, Load{PerSecond: 1, Cycles: 1, AtMost: 20 * time.Millisecond}); err != nil || share.Cycles != 0 {
		t.Errorf("without garbage: %+v, %v", share, err)
	}
}
