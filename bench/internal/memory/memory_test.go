package memory

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/peer"
)

func TestMixedLengthsHaveTheirMeanAndBounds(t *testing.T) {
	const largest, draws = 60_000, 200_000
	rng := rand.New(rand.NewPCG(1, 1))
	sum := 0
	for range draws {
		n := mixedLen(rng, largest)
		if n < smallest || n > largest {
			t.Fatalf("a length of %d", n)
		}
		sum += n
	}
	if got, want := float64(sum)/draws, float64(mixedMean(largest)); math.Abs(got/want-1) > 0.02 {
		t.Errorf("the lengths' mean is %.0f, mixedMean says %.0f", got, want)
	}
}

func TestTasks(t *testing.T) {
	p := Pressure{Peer: peer.Holdfast, Cap: 4 << 20, Times: 1, Largest: largestUnder(4 << 20)}
	for name, task := range map[string]func(Pressure) (Peak, error){"churn": churn, "growth": grow} {
		if peak, err := task(p); err != nil || peak.Bytes <= 0 {
			t.Errorf("%s: peak = %+v, %v", name, peak, err)
		}
	}
	e := Expiry{Peer: peer.Holdfast, Sessions: 1000, ValueLen: 256, TTL: time.Millisecond, Wait: time.Millisecond}
	if _, err := expire(e); err != nil {
		t.Error(err)
	}
	e.Peer = "nobody"
	if _, err := expire(e); err == nil {
		t.Error("a peer that does not exist was filled")
	}
}
