package holdfast_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

// breakingOff is a store whose scans fail after a number of entries, while err
// is set.
type breakingOff struct {
	holdfast.Store
	after int
	err   error
}

func (s *breakingOff) ScanValues(ctx context.Context, prefix []byte) iter.Seq2[cache.Entry, error] {
	if s.err == nil {
		return s.Store.ScanValues(ctx, prefix)
	}
	return func(yield func(cache.Entry, error) bool) {
		n := 0
		for entry, err := range s.Store.ScanValues(ctx, prefix) {
			if n++; n > s.after {
				break
			}
			if !yield(entry, err) {
				return
			}
		}
		yield(cache.Entry{}, s.err)
	}
}

// listings are the methods that list. Each returns the number of sessions that
// it found or ended.
var listings = map[string]func(m *holdfast.Manager, s *holdfast.Session) (int, error){
	"Sessions": func(m *holdfast.Manager, _ *holdfast.Session) (int, error) {
		infos, err := m.Sessions(context.Background(), "ada")
		return len(infos), err
	},
	"All": func(m *holdfast.Manager, _ *holdfast.Session) (n int, err error) {
		for _, err = range m.All(context.Background()) {
			if err == nil {
				n++
			}
		}
		return n, err
	},
	"Len": func(m *holdfast.Manager, _ *holdfast.Session) (int, error) { return m.Len(context.Background()) },
	"EndEveryone": func(m *holdfast.Manager, _ *holdfast.Session) (int, error) {
		return m.EndEveryone(context.Background())
	},
	"EndUser": func(m *holdfast.Manager, _ *holdfast.Session) (int, error) {
		return m.EndUser(context.Background(), "ada")
	},
	"EndOthers": func(_ *holdfast.Manager, s *holdfast.Session) (int, error) { return s.EndOthers() },
	"EndAll":    func(_ *holdfast.Manager, s *holdfast.Session) (int, error) { return s.EndAll() },
}

// A listing that breaks off is an error, whatever it has found before. A method
// that lists first and then ends sessions has ended none.
func TestListing_breaks_off(t *testing.T) {
	for name, list := range listings {
		for _, after := range []int{0, 2, 5} {
			t.Run(fmt.Sprintf("%s after %d", name, after), func(t *testing.T) {
				store := &breakingOff{Store: newStore(t), after: after}
				var manager *holdfast.Manager
				var n int
				var err error
				manager, client := userSite(t, holdfast.Options{Store: store}, pages{
					"/list": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { n, err = list(manager, s) }})
				for range 5 {
					client.anonymous().visit("/login?user=ada")
				}
				client.visit("/login?user=ada")
				store.err = errAway

				client.visit("/list")

				assert.ErrorIs(t, err, errAway)
				store.err = nil
				left, lenErr := manager.Len(t.Context())
				require.NoError(t, lenErr)
				switch name {
				case "All":
					assert.Equal(t, after, n)
					assert.Equal(t, 6, left)
				case "EndEveryone":
					assert.Equal(t, after, n, "it has ended these")
					assert.Equal(t, 6-after, left, "they stay ended")
				default:
					assert.Zero(t, n)
					assert.Equal(t, 6, left)
				}
			})
		}
	}
}

// The caller can tell a store that cannot list from one that is away.
func TestListing_errors(t *testing.T) {
	unsupported := fmt.Errorf("a simple store: %w", holdfast.ErrUnsupported)
	for name, test := range map[string]struct{ store, want error }{
		"ErrUnsupported":    {unsupported, holdfast.ErrUnsupported},
		"ErrUnavailable":    {errAway, holdfast.ErrUnavailable},
		"another":           {errBroken, errBroken},
		"a deadline passed": {context.DeadlineExceeded, holdfast.ErrUnavailable},
	} {
		for method, list := range listings {
			t.Run(method+", "+name, func(t *testing.T) {
				store := &breakingOff{Store: newStore(t)}
				var manager *holdfast.Manager
				manager, client := userSite(t, holdfast.Options{Store: store}, pages{
					"/list": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
						_, err := list(manager, s)
						assert.ErrorIs(t, err, test.want)
						assert.ErrorIs(t, err, test.store)
					}})
				client.visit("/login?user=ada")
				store.err = test.store
				client.visit("/list")
			})
		}
	}
}

// One session that cannot be ended spares no other.
func TestEnd_fails_for_one_session(t *testing.T) {
	for name, test := range map[string]struct {
		updates int // before the session whose Update fails
		want    int
	}{
		"EndUser": {2, 3}, "EndOthers": {2, 2}, "EndEveryone": {1, 3},
	} {
		t.Run(name, func(t *testing.T) {
			store := newFailing(t)
			var manager *holdfast.Manager
			manager, client := userSite(t, holdfast.Options{Store: store}, pages{
				"/end": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					s.UserID()
					store.failNext("Update", refused)
					store.failAt = test.updates + 1
					n, err := listings[name](manager, s)
					assert.ErrorIs(t, err, errAway)
					assert.Equal(t, test.want, n)
				}})
			for range 3 {
				client.anonymous().visit("/login?user=ada")
			}
			client.visit("/login?user=ada")
			client.visit("/end")
			left, err := manager.Len(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 4-test.want, left)
		})
	}
}

// A caller that gives up waits for no further session. Those ended before are
// counted.
func TestEnd_context_ends(t *testing.T) {
	for name, test := range map[string]struct {
		end     func(ctx context.Context, m *holdfast.Manager) (int, error)
		updates int // when the caller gives up
	}{
		"EndUser":     {func(ctx context.Context, m *holdfast.Manager) (int, error) { return m.EndUser(ctx, "ada") }, 3},
		"EndEveryone": {func(ctx context.Context, m *holdfast.Manager) (int, error) { return m.EndEveryone(ctx) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, giveUp := context.WithCancel(t.Context())
			updates := 0
			store := &hooked{newStore(t), func(c call, carryOut func() error) error {
				if c.method == "Update" && c.ctx.Value(requestValue{}) != nil {
					if updates++; updates == test.updates {
						giveUp()
					}
				}
				return carryOut()
			}}
			manager, client := userSite(t, holdfast.Options{Store: store}, nil)
			for range 5 {
				client.anonymous().visit("/login?user=ada")
			}
			n, err := test.end(context.WithValue(ctx, requestValue{}, "the caller's"), manager)
			assert.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, 2, n)
			left, err := manager.Len(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 3, left)
		})
	}
}
