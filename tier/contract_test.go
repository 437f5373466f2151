package tier_test

import (
	"testing"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/storetest"
	"github.com/holdfast-go/holdfast/tier"
)

// A Store keeps the contract of package holdfast in each mode.
func TestContract(t *testing.T) {
	for _, mode := range []tier.Mode{tier.Cached, tier.Verified, tier.Direct} {
		for name, o := range map[string]tier.Options{"late touches": {Mode: mode}, "each touch": {Mode: mode, TouchEvery: -1}} {
			t.Run(mode.String()+"/"+name, func(t *testing.T) {
				options := storetest.Options{Virtual: true, Notifies: true}
				if mode == tier.Cached {
					options.MaxStale = maxStale
				}
				storetest.Run(t, func(t *testing.T) holdfast.Store { return newServer().open(t, o) }, options)
				storetest.RunShared(t, func(t *testing.T) (a, b holdfast.Store) {
					s := newServer()
					return s.open(t, o), s.open(t, o)
				}, options)
			})
		}
	}
	// Notifications take long, and entries end unnoticed.
	t.Run("slow", func(t *testing.T) {
		open := func(t *testing.T) (a, b holdfast.Store) {
			s := newServer()
			s.expiryIsLate = func() time.Duration { return hour }
			here, there := s.open(t, tier.Options{}), s.open(t, tier.Options{})
			here.client.delayNotifications(timeout / 2)
			there.client.delayNotifications(timeout / 2)
			return here, there
		}
		storetest.RunShared(t, open, storetest.Options{Virtual: true, MaxStale: maxStale, Notifies: true})
	})
}
