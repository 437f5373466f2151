package sqlstore_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/internal/testserver"
	sqlstore "github.com/holdfast-go/holdfast/store/sql"
)

// Each operation of the Store, with 1, 16 and 64 clients at the same time. The
// server and the files store on the disk what they acknowledge.
func BenchmarkStore(b *testing.B) {
	kinds := map[string]func(b *testing.B, o sqlstore.Options) *sqlstore.Store{
		"PostgreSQL": func(b *testing.B, o sqlstore.Options) *sqlstore.Store {
			server := testserver.Run(b, testserver.Postgres)
			return open(b, openURL(b, newDatabase(b, server)), sqlstore.PostgreSQL, o)
		},
	}
	for name, driver := range sqliteDrivers {
		kinds[name] = func(b *testing.B, o sqlstore.Options) *sqlstore.Store {
			return open(b, openFile(b, driver, file(b)), sqlstore.SQLite, o)
		}
	}
	const sessions = 1000
	value := make([]byte, 300)
	var number atomic.Int64
	put := func([]byte, bool) (cache.Change, error) { return cache.Put(value, time.Hour), nil }
	operations := map[string]func(s *sqlstore.Store, id string) error{
		"read": func(s *sqlstore.Store, id string) error {
			_, _, err := s.Get(background, id, holdfast.ReadUse)
			return err
		},
		"fresh": func(s *sqlstore.Store, id string) error {
			_, _, err := s.Get(background, id, holdfast.ReadFresh)
			return err
		},
		"change": func(s *sqlstore.Store, id string) error { return s.Update(background, id, put) },
		"login": func(s *sqlstore.Store, _ string) error {
			return s.Update(background, fmt.Sprint("new", number.Add(1)), put)
		},
		"extend": func(s *sqlstore.Store, id string) error {
			_, err := s.Database().Touch(background, id, 0, 2*time.Hour, true)
			return err
		},
	}
	for kind, openStore := range kinds {
		for name, operation := range operations {
			b.Run(kind+"/"+name, func(b *testing.B) {
				s := openStore(b, sqlstore.Options{PurgeEvery: -1})
				for i := range sessions {
					require.NoError(b, s.Set(background, fmt.Sprint(i), value, time.Hour))
				}
				for _, clients := range []int{1, 16, 64} {
					b.Run(fmt.Sprint(clients), func(b *testing.B) {
						var group sync.WaitGroup
						for c := range clients {
							group.Go(func() {
								for i := c; i < b.N; i += clients {
									if err := operation(s, fmt.Sprint(i%sessions)); err != nil {
										b.Error(err)
										return
									}
								}
							})
						}
						group.Wait()
					})
				}
			})
		}
	}
}
