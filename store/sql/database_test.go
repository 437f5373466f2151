package sqlstore_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/cache"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
	"github.com/holdfast-go/holdfast/tier"
)

// eachDatabase runs a test with each kind of database, without local copies.
func eachDatabase(t *testing.T, test func(t *testing.T, db tier.Database)) {
	t.Run("PostgreSQL", func(t *testing.T) {
		test(t, open(t, openURL(t, postgres(t)), sqlstore.PostgreSQL, sqlstore.Options{}).Database())
	})
	eachSQLite(t, func(t *testing.T, driver string) {
		test(t, open(t, openFile(t, driver, file(t)), sqlstore.SQLite, sqlstore.Options{}).Database())
	})
}

func swap(t *testing.T, db tier.Database, id string, old, next tier.Version, value []byte) (bool, tier.Item) {
	t.Helper()
	swapped, current, err := db.Swap(background, id, old, next, value, time.Hour)
	require.NoError(t, err)
	return swapped, current
}

func read(t *testing.T, db tier.Database, id string, known tier.Version) tier.Item {
	t.Helper()
	item, err := db.Read(background, id, known)
	require.NoError(t, err)
	return item
}

// Each step may be repeated, since its reply may be lost.
func TestDatabase_Swap(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db tier.Database) {
		const highest = 1<<64 - 1
		for range 2 {
			swapped, current := swap(t, db, "a", 0, 1, []byte("1"))
			require.True(t, swapped)
			require.Zero(t, current)
		}
		swapped, current := swap(t, db, "a", 0, 2, []byte("2"))
		require.False(t, swapped, "there is an entry")
		require.Equal(t, "1", string(current.Value))
		require.EqualValues(t, 1, current.Version)
		require.InDelta(t, time.Hour, current.TTL, float64(time.Minute))

		for range 2 {
			swapped, _ = swap(t, db, "a", 1, highest, []byte{})
			require.True(t, swapped)
		}
		swapped, current = swap(t, db, "a", 1, 3, []byte("3"))
		require.False(t, swapped, "the version is old")
		require.EqualValues(t, uint64(highest), current.Version)
		require.Empty(t, current.Value)
		swapped, current = swap(t, db, "a", 1, 3, nil)
		require.False(t, swapped, "the version is old")
		require.EqualValues(t, uint64(highest), current.Version)

		swapped, current = swap(t, db, "a", highest, 4, nil)
		require.True(t, swapped)
		require.Zero(t, current)
		swapped, current = swap(t, db, "a", highest, 4, nil)
		require.False(t, swapped, "nobody knows who has removed it")
		require.Zero(t, current)
		swapped, current = swap(t, db, "a", highest, 5, []byte("5"))
		require.False(t, swapped, "there is no entry")
		require.Zero(t, current)
		swapped, _ = swap(t, db, "a", 0, 6, nil)
		require.True(t, swapped, "there is none, and none is wanted")
		require.Zero(t, read(t, db, "a", 0))
	})
}

func TestDatabase_expiry(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db tier.Database) {
		require.NoError(t, db.Set(background, "a", 1, []byte("1"), time.Millisecond))
		time.Sleep(5 * time.Millisecond)
		require.Zero(t, read(t, db, "a", 0))
		found, err := db.Touch(background, "a", 0, time.Hour, true)
		require.NoError(t, err)
		require.False(t, found)
		swapped, current := swap(t, db, "a", 1, 2, []byte("2"))
		require.False(t, swapped)
		require.Zero(t, current)
		swapped, _ = swap(t, db, "a", 1, 2, nil)
		require.False(t, swapped)
		swapped, _ = swap(t, db, "a", 0, 3, []byte("3"))
		require.True(t, swapped, "an entry that has expired is replaced")
		require.Equal(t, "3", string(read(t, db, "a", 0).Value))

		require.NoError(t, db.Set(background, "a", 4, []byte("4"), cache.NoExpiry))
		require.Equal(t, cache.NoExpiry, read(t, db, "a", 0).TTL)
		require.NoError(t, db.Set(background, "a", 5, []byte("5"), cache.NoExpiry-1))
		require.Greater(t, read(t, db, "a", 0).TTL, 200*365*24*time.Hour)
		require.NoError(t, db.Set(background, "a", 5, []byte("5"), 1))
	})
}

func TestDatabase_Read(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db tier.Database) {
		value := bytes.Repeat([]byte("\x00\xff'%_\\"), 10_000)
		id := string(value[:2000])
		require.NoError(t, db.Set(background, id, 7, value, time.Hour))
		item := read(t, db, id, 0)
		require.Equal(t, value, item.Value)
		require.False(t, item.Same)
		item = read(t, db, id, 8)
		require.Equal(t, value, item.Value)
		require.False(t, item.Same)
		item = read(t, db, id, 7)
		require.True(t, item.Same)
		require.EqualValues(t, 7, item.Version)
		require.Nil(t, item.Value)
		require.InDelta(t, time.Hour, item.TTL, float64(time.Minute))
		require.Zero(t, read(t, db, "b", 7))
	})
}

func TestDatabase_Touch(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db tier.Database) {
		require.NoError(t, db.Set(background, "a", 1, []byte("1"), time.Hour))
		for _, step := range []struct {
			known  tier.Version
			ttl    time.Duration
			extend bool
			found  bool
			left   time.Duration
		}{
			{1, 2 * time.Hour, true, true, 2 * time.Hour},
			{1, time.Hour, true, true, 2 * time.Hour},
			{2, 5 * time.Hour, true, false, 2 * time.Hour},
			{2, 5 * time.Hour, false, false, 2 * time.Hour},
			{0, 3 * time.Hour, false, true, 3 * time.Hour},
			{1, time.Hour, false, true, time.Hour},
			{0, cache.NoExpiry, true, true, cache.NoExpiry},
			{0, time.Hour, true, true, cache.NoExpiry},
			{2, 0, false, false, cache.NoExpiry},
		} {
			found, err := db.Touch(background, "a", step.known, step.ttl, step.extend)
			require.NoError(t, err)
			require.Equal(t, step.found, found, step)
			require.InDelta(t, step.left, read(t, db, "a", 1).TTL, float64(time.Minute), step)
		}
		_, err := db.Touch(background, "a", 1, 0, false)
		require.NoError(t, err)
		require.Zero(t, read(t, db, "a", 0))
	})
}

// tagged returns a value with the tag of a user.
func tagged(user byte, more string) []byte {
	return append([]byte{1, 'n', 'a', 'm', 'e', 's', user, user, user}, more...)
}

func scan(t *testing.T, db tier.Database, prefix []byte) (ids []string, pages int) {
	t.Helper()
	for cursor := ""; pages == 0 || cursor != ""; pages++ {
		found, next, err := db.Scan(background, prefix, cursor)
		require.NoError(t, err)
		for _, e := range found {
			require.True(t, bytes.HasPrefix(e.Value, prefix))
			require.InDelta(t, time.Hour, e.TTL, float64(time.Minute))
			ids = append(ids, e.ID)
		}
		cursor = next
	}
	slices.Sort(ids)
	return ids, pages
}

// A page has 250 rows. A value that is too short for a record has a tag too,
// for a prefix that is as short.
func TestDatabase_Scan(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db tier.Database) {
		var ones, twos, all []string
		for i := range 500 {
			one, two := fmt.Sprintf("one %03d", i), fmt.Sprintf("two %03d", i)
			require.NoError(t, db.Set(background, one, 1, tagged(1, fmt.Sprint(i, ".")), time.Hour))
			ones = append(ones, one)
			if i%5 == 0 {
				require.NoError(t, db.Set(background, two, 1, tagged(2, fmt.Sprint(i, ".")), time.Hour))
				twos = append(twos, two)
			}
		}
		all = slices.Concat(ones, twos)
		for _, test := range []struct {
			prefix []byte
			want   []string
			pages  int
		}{
			{tagged(1, ""), ones, 3},
			{tagged(2, ""), twos, 1},
			{tagged(1, "7."), ones[7:8], 3},
			{tagged(3, ""), nil, 1},
			{tagged(1, "")[:6], all, 3},
			{tagged(2, "")[:7], twos, 3},
			{nil, all, 3},
			{[]byte("x"), nil, 3},
		} {
			got, pages := scan(t, db, test.prefix)
			require.Equal(t, test.want, got, "%q", test.prefix)
			require.LessOrEqual(t, pages, test.pages, "%q", test.prefix)
		}
	})
}
