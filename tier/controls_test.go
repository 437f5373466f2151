package tier_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/tier"
)

// TestControls takes one part of the protocol away, from outside, and requires
// that the model finds the fault. So the model can find it.
func TestControls(t *testing.T) {
	const least = 50 * time.Millisecond // MaxStale: short, so that more is stale
	healthy := network{request: 2 * time.Millisecond, reply: 20 * time.Millisecond, push: 2 * time.Millisecond}
	breaks, swallows := healthy, healthy
	breaks.breaks, swallows.swallows = 300*time.Millisecond, 2*time.Second
	stale := []string{"stale", "back in time", "inconsistent at rest", "mismatch"}
	for name, test := range map[string]struct {
		network network
		wrap    func(c *client, l tier.Listener) tier.Database
		prepare func(m *model)
		finds   []string // these, and no others: copies decide nothing
	}{
		"nothing is missing": {network: healthy},
		"no leases": {
			network: network{request: time.Millisecond, reply: 100 * time.Millisecond, push: time.Millisecond},
			wrap: func(c *client, l tier.Listener) tier.Database {
				d := &withoutLeases{client: c, Listener: l, reads: make(map[string]int)}
				c.listener = d
				return d
			},
			finds: stale,
		},
		"no proof of freshness": {
			network: swallows,
			wrap:    func(c *client, _ tier.Listener) tier.Database { return &withoutProof{client: c} },
			finds:   stale,
		},
		"own writes void nothing": {
			network: healthy,
			prepare: func(m *model) {
				// The writes go through another Store, as the same client.
				writers := make(map[*fixture]*fixture)
				var mu sync.Mutex
				m.write = func(here *fixture) *fixture {
					mu.Lock()
					defer mu.Unlock()
					return writers[here]
				}
				m.opened = func(t *testing.T, here *fixture) {
					store, err := tier.New(func(tier.Listener) (tier.Database, error) { return here.client, nil }, m.options)
					require.NoError(t, err)
					t.Cleanup(func() { _ = store.Close() })
					writers[here] = &fixture{Store: store}
				}
			},
			finds: stale,
		},
		"copies outlive their connection": {
			network: breaks,
			wrap: func(c *client, l tier.Listener) tier.Database {
				c.listener = withoutLost{l}
				return c
			},
			finds: stale,
		},
		"no notification after an own write": {
			network: healthy,
			prepare: func(m *model) { m.forgets = true },
			finds:   stale,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 10 {
				m := &model{stores: 3, network: test.network, wrap: test.wrap, options: tier.Options{MaxStale: least, TouchEvery: modelSlack}}
				if test.prepare != nil {
					test.prepare(m)
				}
				m.run(t, 10_000)
				for rule := range m.faults {
					require.Contains(t, test.finds, rule, "the seed is %d", m.seed)
				}
				if test.finds == nil || len(m.faults) > 0 {
					return
				}
			}
			t.Error("found no fault in ten runs")
		})
	}
}

// withoutLeases does not pass a notification while the entry is read.
type withoutLeases struct {
	*client
	tier.Listener
	mu    sync.Mutex
	reads map[string]int // under way
}

func (d *withoutLeases) Read(ctx context.Context, id string, known tier.Version) (tier.Item, error) {
	count := func(n int) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.reads[id] += n
	}
	count(1)
	defer count(-1)
	return d.client.Read(ctx, id, known)
}

func (d *withoutLeases) Changed(id string) {
	d.mu.Lock()
	underWay := d.reads[id] > 0
	d.mu.Unlock()
	if !underWay {
		d.Listener.Changed(id)
	}
}

// withoutProof answers each pulse itself.
type withoutProof struct{ *client }

func (d *withoutProof) Pulse(context.Context) (tier.Pulse, error) {
	return tier.Pulse{Now: time.Now(), Notifies: true}, nil
}

type withoutLost struct{ tier.Listener }

func (withoutLost) Lost() {}
