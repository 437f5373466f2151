package redisstore_test

import (
	"testing"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/testserver"
	"github.com/holdfast-go/holdfast/storetest"
	"github.com/holdfast-go/holdfast/tier"
)

func TestContract(t *testing.T) {
	t.Parallel()
	eachModeAtOnce(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		storetest.Run(t, func(t *testing.T) holdfast.Store {
			return open(t, server.Addr(), in(mode), patient)
		}, storetest.Options{})
	})
}

func TestContract_shared(t *testing.T) {
	t.Parallel()
	eachModeAtOnce(t, func(t *testing.T, server *testserver.Server, mode tier.Mode) {
		o := storetest.Options{}
		if mode == tier.Cached {
			o = storetest.Options{MaxStale: time.Second, Notifies: true}
		}
		storetest.RunShared(t, func(t *testing.T) (a, b holdfast.Store) {
			return open(t, server.Addr(), in(mode), patient), open(t, server.Addr(), in(mode), patient)
		}, o)
	})
}
