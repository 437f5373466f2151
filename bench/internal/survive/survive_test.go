package survive

import (
	"testing"

	"github.com/holdfast-go/holdfast/bench/internal/peer"
	"github.com/holdfast-go/holdfast/bench/internal/policy"
	"github.com/holdfast-go/holdfast/bench/internal/traffic"
)

func TestLimitsMakeCachesEquallyLarge(t *testing.T) {
	lengths := traffic.Default.Generate(5000, 1).Lengths
	for _, name := range []string{peer.Holdfast, "phuslu", "ttlcache", "hashicorp"} {
		info, _ := peer.Find(name)
		_, held, err := limits(info, 2000, lengths)
		if err != nil {
			t.Fatal(err)
		}
		if off(held, 2000) > 0.03 {
			t.Errorf("%s was made to hold %d sessions, want 2000", name, held)
		}
	}
}

func TestFloodTellsLRUFromNoLimit(t *testing.T) {
	for name, want := range map[string]float64{"hashicorp": 1, "sync.Map": 0} {
		losses, err := flood(Flood{Peer: name, Capacity: 500, Times: []int{2}})
		if err != nil {
			t.Fatal(err)
		}
		if losses.Lost[0] != want {
			t.Errorf("%s lost %v of the users, want %v", name, losses.Lost[0], want)
		}
	}
}

// An exact LRU in entries must hit exactly as often as the model of one.
func TestReplayOfAnLRUIsTheModel(t *testing.T) {
	source := Source{Requests: 20_000, Seed: 1}
	hits, err := replay(Replay{Peer: "hashicorp", Source: source, Capacities: []int{300}})
	if err != nil {
		t.Fatal(err)
	}
	trace, err := source.load()
	if err != nil {
		t.Fatal(err)
	}
	want := float64(policy.LRU(trace.Requests, 300)) / float64(len(trace.Requests))
	if hits[0].Held != 300 || hits[0].Ratio != want {
		t.Errorf("hashicorp hits %+v, an exact LRU of 300 hits %v", hits[0], want)
	}
}

func TestReplayOfAMissingFile(t *testing.T) {
	if _, err := replay(Replay{Peer: peer.Holdfast, Source: Source{File: "missing.lis"}}); err == nil {
		t.Error("a file that is not there was replayed")
	}
}
