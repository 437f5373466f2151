package plug_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug"
)

// provider is session.Provider of fasthttp/session v2. That module is not
// imported anywhere in this repository, so its shape is written down here.
type provider interface {
	Get(id []byte) ([]byte, error)
	Save(id, data []byte, expiration time.Duration) error
	Destroy(id []byte) error
	Regenerate(id, newID []byte, expiration time.Duration) error
	Count() int
	NeedGC() bool
	GC() error
}

var _ provider = (*plug.FastHTTPProvider)(nil)

func assertHas(t *testing.T, p *plug.FastHTTPProvider, id, want string) {
	t.Helper()
	data, err := p.Get([]byte(id))
	assert.NoError(t, err)
	assert.Equal(t, want, string(data))
}

func assertHasNot(t *testing.T, p *plug.FastHTTPProvider, id string) {
	t.Helper()
	data, err := p.Get([]byte(id))
	assert.NoError(t, err)
	assert.Nil(t, data)
}

func TestFastHTTPGetsWhatWasSaved(t *testing.T) {
	p := plug.FastHTTP(newCache(t), "p")
	require.NoError(t, p.Save([]byte("id"), []byte("data"), time.Minute))
	assertHas(t, p, "id", "data")
	assertHasNot(t, p, "unknown")
	assertHasNot(t, p, "")
}

func TestFastHTTPSessionEndsAtItsExpiration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plug.FastHTTP(newCache(t), "p")
		require.NoError(t, p.Save([]byte("short"), []byte("data"), time.Minute))
		require.NoError(t, p.Save([]byte("for ever"), []byte("data"), 0))
		require.NoError(t, p.Save([]byte("longest"), []byte("data"), math.MaxInt64))
		time.Sleep(time.Minute)
		assertHasNot(t, p, "short")
		time.Sleep(48 * time.Hour)
		assertHas(t, p, "for ever", "data")
		assertHas(t, p, "longest", "data")
	})
}

func TestFastHTTPNegativeExpirationRemovesTheSession(t *testing.T) {
	p := plug.FastHTTP(newCache(t), "p")
	require.NoError(t, p.Save([]byte("id"), []byte("data"), 0))
	require.NoError(t, p.Save([]byte("id"), []byte("data"), -1))
	assertHasNot(t, p, "id")
}

func TestFastHTTPSaveOfAnEmptyIDIsInvalid(t *testing.T) {
	p := plug.FastHTTP(newCache(t), "p")
	assert.ErrorIs(t, p.Save(nil, []byte("data"), 0), cache.ErrInvalid)
}

func TestFastHTTPSharesNoBufferWithItsCaller(t *testing.T) {
	p := plug.FastHTTP(newCache(t), "p")
	id, data := []byte("id"), []byte("data")
	require.NoError(t, p.Save(id, data, 0))
	copy(id, "XX")
	copy(data, "XXXX")
	assertHas(t, p, "id", "data")
	got, _ := p.Get([]byte("id"))
	copy(got, "YYYY")
	assertHas(t, p, "id", "data")
}

func TestFastHTTPDestroyedSessionIsGone(t *testing.T) {
	p := plug.FastHTTP(newCache(t), "p")
	require.NoError(t, p.Save([]byte("id"), []byte("data"), 0))
	require.NoError(t, p.Destroy([]byte("id")))
	assertHasNot(t, p, "id")
	assert.NoError(t, p.Destroy([]byte("id")))
	assert.NoError(t, p.Destroy([]byte("unknown")))
	assert.NoError(t, p.Destroy(nil))
}

func TestFastHTTPLateSaveOfADestroyedSessionIsRefused(t *testing.T) {
	p := plug.FastHTTP(newCache(t), "p")
	require.NoError(t, p.Save([]byte("id"), []byte("data"), 0))
	require.NoError(t, p.Destroy([]byte("id")))
	assert.ErrorIs(t, p.Save([]byte("id"), []byte("late"), 0), plug.ErrEnded)
	assertHasNot(t, p, "id")
}

func TestFastHTTPRegenerateMovesTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plug.FastHTTP(newCache(t), "p")
		require.NoError(t, p.Save([]byte("old"), []byte("data"), time.Second))
		require.NoError(t, p.Regenerate([]byte("old"), []byte("new"), time.Minute))
		assertHasNot(t, p, "old")
		time.Sleep(time.Minute - time.Nanosecond)
		assertHas(t, p, "new", "data")
		time.Sleep(time.Nanosecond)
		assertHasNot(t, p, "new")
	})
}

func TestFastHTTPRegenerateToForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plug.FastHTTP(newCache(t), "p")
		require.NoError(t, p.Save([]byte("old"), []byte("data"), time.Second))
		require.NoError(t, p.Regenerate([]byte("old"), []byte("new"), 0))
		time.Sleep(48 * time.Hour)
		assertHas(t, p, "new", "data")
	})
}

func TestFastHTTPRegenerateOfNothingDoesNothing(t *testing.T) {
	c := newCache(t)
	p := plug.FastHTTP(c, "p")
	require.NoError(t, p.Regenerate(nil, []byte("new"), 0))
	require.NoError(t, p.Regenerate([]byte("unknown"), []byte("new"), 0))
	assertHasNot(t, p, "new")
}

func TestFastHTTPRegenerateDoesNotUndoADestroy(t *testing.T) {
	p := plug.FastHTTP(newCache(t), "p")
	require.NoError(t, p.Save([]byte("old"), []byte("data"), 0))
	require.NoError(t, p.Destroy([]byte("old")))
	require.NoError(t, p.Regenerate([]byte("old"), []byte("new"), 0))
	assertHasNot(t, p, "new")
}

func TestFastHTTPRegenerateRefusesTheSameOrNoNewID(t *testing.T) {
	p := plug.FastHTTP(newCache(t), "p")
	require.NoError(t, p.Save([]byte("id"), []byte("data"), 0))
	assert.ErrorIs(t, p.Regenerate([]byte("id"), nil, 0), cache.ErrInvalid)
	assert.ErrorIs(t, p.Regenerate([]byte("id"), []byte("id"), 0), cache.ErrInvalid)
	assertHas(t, p, "id", "data")
}

func TestFastHTTPCountsItsOwnLiveSessions(t *testing.T) {
	c := newCache(t)
	p := plug.FastHTTP(c, "p")
	require.NoError(t, p.Save([]byte("1"), []byte("one"), 0))
	require.NoError(t, p.Save([]byte("2"), []byte("two"), 0))
	require.NoError(t, p.Destroy([]byte("2")))
	require.NoError(t, plug.FastHTTP(c, "other").Save([]byte("3"), []byte("three"), 0))
	assert.Equal(t, 1, p.Count())
}

func TestFastHTTPNeedsNoGC(t *testing.T) {
	p := plug.FastHTTP(newCache(t), "p")
	assert.False(t, p.NeedGC())
	assert.NoError(t, p.GC())
}

func TestFastHTTPOnAClosedCacheIsHarmless(t *testing.T) {
	c := newCache(t)
	p := plug.FastHTTP(c, "p")
	require.NoError(t, p.Save([]byte("id"), []byte("data"), 0))
	require.NoError(t, c.Close())
	assertHasNot(t, p, "id")
	assert.ErrorIs(t, p.Save([]byte("id"), []byte("data"), 0), cache.ErrClosed)
	assert.NoError(t, p.Destroy([]byte("id")))
	assert.NoError(t, p.Regenerate([]byte("id"), []byte("new"), 0))
	assert.Zero(t, p.Count())
}
