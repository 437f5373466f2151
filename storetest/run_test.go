package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

func openCache(t *testing.T) holdfast.Store {
	c, err := cache.New(cache.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func openLoader(t *testing.T) holdfast.Store { return openSound(t) }

func TestTheCacheKeepsTheContract(t *testing.T) {
	Run(t, openCache, Options{Virtual: true})
}

func TestTheCacheKeepsTheContractInRealTime(t *testing.T) {
	Run(t, openCache, Options{Tick: 2 * time.Millisecond})
}

func TestALoaderKeepsTheContract(t *testing.T) {
	Run(t, openLoader, Options{Virtual: true})
}

func TestStoresMayShareWhatTheyKeep(t *testing.T) {
	shared := openCache(t).(*cache.Cache)
	require.NoError(t, shared.Set("another's", []byte("ada"), time.Hour))
	Run(t, func(t *testing.T) holdfast.Store { return withoutClose{shared} }, Options{Tick: 2 * time.Millisecond})
	_, found := shared.Peek("another's")
	assert.True(t, found)
}

// withoutClose is a store with all of Scanner's methods and no other.
type withoutClose struct{ holdfast.Scanner }

// plainStore is a store with all of Store's methods and no other.
type plainStore struct{ holdfast.Store }

func TestOptionalPartsAreLookedForInTheStore(t *testing.T) {
	for _, test := range []struct {
		store   holdfast.Store
		missing map[part]string
	}{
		{openCache(t), map[part]string{loader: "the store is no Loader", closingLoader: "the store is no Loader"}},
		{openLoader(t), nil},
		{withoutClose{openCache(t).(*cache.Cache)}, map[part]string{
			closer: "the store has no method Close() error", loader: "the store is no Loader", closingLoader: "the store is no Loader",
		}},
		{plainStore{openCache(t)}, map[part]string{
			closer: "the store has no method Close() error", loader: "the store is no Loader", closingLoader: "the store is no Loader",
			scanner: "the store is no Scanner",
		}},
	} {
		for _, p := range []part{everyStore, closer, loader, closingLoader, scanner} {
			assert.Equal(t, test.missing[p], p.missingIn(test.store), "part %d of %T", p, test.store)
		}
	}
}

// A store with a clock that the test moves, like the stand-ins for servers.
func TestWaitMovesAClockThatIsNotTheRealOne(t *testing.T) {
	p := promiseCalled(t, "an entry is gone from all methods once its ttl is over")
	began := time.Now()
	var waited time.Duration
	result := p.examine(t, openCache, Options{
		Tick: time.Minute,
		Wait: func(d time.Duration) { waited += d },
	}, impatient)
	require.NotNil(t, result.violation, "the cache's clock is the real one, so nothing has expired")
	assert.Contains(t, result.violation.Error(), "wait 3m0s")
	assert.Equal(t, 3*time.Minute, waited)
	assert.Less(t, time.Since(began), time.Minute)
}

func TestAnExplanationHasAllParts(t *testing.T) {
	p := promiseCalled(t, "Touch never brings back an entry whose ttl is over")
	result := p.examine(t, func(t *testing.T) holdfast.Store {
		f := openSound(t)
		f.touch = func(id string, ttl time.Duration) bool { return f.c.Set(id, []byte("1"), ttl) == nil }
		return f
	}, Options{Virtual: true}, impatient)
	assert.Equal(t, `
the contract says: It reports false if there is no such entry, true if the store cannot tell, and never brings an entry back.
done:              Set("Set", "1", 2ms) = <nil>
                   wait 3ms
                   Touch("Set", 1h0m0s) = true
expected:          false: the ttl is over
found:             true
why it matters:    a session that timed out would come back to life with the next request, whoever sends it`, result.violation.Error())
}
