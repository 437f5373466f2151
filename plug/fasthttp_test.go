package plug_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug"
)

// provider is a copy of session.Provider of fasthttp/session v2. The public
// module proxy does not serve that module, so no test can import it.
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

func TestFastHTTP_expiration_0_never_ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plug.FastHTTP(newCache(t), "p")
		require.NoError(t, p.Save([]byte("id"), []byte("data"), 0))
		require.NoError(t, p.Save([]byte("old"), []byte("data"), time.Second))
		require.NoError(t, p.Regenerate([]byte("old"), []byte("new"), 0))
		time.Sleep(48 * time.Hour)
		assertHas(t, p, "id", "data")
		assertHas(t, p, "new", "data")
	})
}

func TestFastHTTP_regenerate_moves_the_session(t *testing.T) {
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

func TestFastHTTP_regenerate_without_a_session(t *testing.T) {
	p := plug.FastHTTP(newCache(t), "p")
	require.NoError(t, p.Save([]byte("destroyed"), []byte("data"), 0))
	require.NoError(t, p.Destroy([]byte("destroyed")))
	for _, old := range []string{"", "unknown", "destroyed"} {
		require.NoError(t, p.Regenerate([]byte(old), []byte("new"), 0))
		assertHasNot(t, p, "new")
	}
}

func TestFastHTTP_regenerate_to_the_same_or_no_ID(t *testing.T) {
	p := plug.FastHTTP(newCache(t), "p")
	require.NoError(t, p.Save([]byte("id"), []byte("data"), 0))
	assert.ErrorIs(t, p.Regenerate([]byte("id"), nil, 0), cache.ErrInvalid)
	assert.ErrorIs(t, p.Regenerate([]byte("id"), []byte("id"), 0), cache.ErrInvalid)
	assertHas(t, p, "id", "data")
}

func TestFastHTTP_counts_its_live_sessions(t *testing.T) {
	c := newCache(t)
	p := plug.FastHTTP(c, "p")
	require.NoError(t, p.Save([]byte("1"), []byte("one"), 0))
	require.NoError(t, p.Save([]byte("2"), []byte("two"), 0))
	require.NoError(t, p.Destroy([]byte("2")))
	require.NoError(t, plug.FastHTTP(c, "other").Save([]byte("3"), []byte("three"), 0))
	assert.Equal(t, 1, p.Count())
}

func TestFastHTTP_needs_no_GC(t *testing.T) {
	p := plug.FastHTTP(newCache(t), "p")
	assert.False(t, p.NeedGC())
	assert.NoError(t, p.GC())
}

func TestFastHTTP_on_a_closed_cache(t *testing.T) {
	c := newCache(t)
	p := plug.FastHTTP(c, "p")
	require.NoError(t, p.Save([]byte("id"), []byte("data"), 0))
	require.NoError(t, c.Close())
	assert.NoError(t, p.Regenerate([]byte("id"), []byte("new"), 0))
	assert.Zero(t, p.Count())
}
