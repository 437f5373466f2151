package sqlstore_test

import (
	"testing"

	"github.com/holdfast-go/holdfast"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
	"github.com/holdfast-go/holdfast/storetest"
	"github.com/holdfast-go/holdfast/tier"
)

var modes = []tier.Mode{tier.Cached, tier.Direct}

// A row with an ID of cache.MaxIDLen bytes fits into the index of PostgreSQL
// only because the ID of the suite compresses well.
func TestContract(t *testing.T) {
	for _, mode := range modes {
		o := sqlstore.Options{Tier: tier.Options{Mode: mode}}
		t.Run("PostgreSQL/"+mode.String(), func(t *testing.T) {
			db := openURL(t, postgres(t))
			t.Parallel()
			storetest.Run(t, func(t *testing.T) holdfast.Store { return open(t, db, sqlstore.PostgreSQL, o) }, storetest.Options{})
		})
		for name, driver := range sqliteDrivers {
			t.Run(name+"/"+mode.String(), func(t *testing.T) {
				t.Parallel()
				storetest.Run(t, func(t *testing.T) holdfast.Store {
					return open(t, openFile(t, driver, file(t)), sqlstore.SQLite, o)
				}, storetest.Options{})
			})
		}
	}
}

// Without Listen no process learns of another's writes, so Notifies is not set.
func TestContract_shared(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			url := postgres(t)
			t.Parallel()
			one, two := openURL(t, url), openURL(t, url)
			o := sqlstore.Options{Tier: tier.Options{Mode: mode}}
			storetest.RunShared(t, func(t *testing.T) (a, b holdfast.Store) {
				return open(t, one, sqlstore.PostgreSQL, o), open(t, two, sqlstore.PostgreSQL, o)
			}, storetest.Options{})
		})
	}
}
