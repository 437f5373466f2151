package holdfast_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cache"
)

func TestLogin(t *testing.T) {
	// Login keeps the values under a new ID. The old ID has no session.
	t.Run("new ID, same values", func(t *testing.T) {
		_, client := userSite(t, holdfast.Options{}, nil)
		client.visit("/")
		before := client.twin()

		assert.Equal(t, "<nil>", client.visit("/login?user=ada"))

		assert.NotEqual(t, before.cookie.Value, client.cookie.Value)
		assert.Equal(t, "ada", client.visit("/who"))
		assert.Equal(t, "1 true", client.visit("/views"))
		assert.Equal(t, "0 false", before.visit("/views"))
	})
	t.Run("anonymous visitor", func(t *testing.T) {
		_, client := userSite(t, holdfast.Options{}, pages{
			"/bare": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) { s.Login("ada") }})
		client.visit("/bare")
		assert.Equal(t, "ada", client.visit("/who"))
	})
	t.Run("then Regenerate", func(t *testing.T) {
		_, client := userSite(t, holdfast.Options{}, nil)
		client.visit("/login?user=ada")
		client.visit("/regenerate")
		assert.Equal(t, "ada", client.visit("/who"))
	})
	t.Run("restarts the absolute lifetime", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, client := userSite(t, holdfast.Options{IdleTimeout: 24 * time.Hour, AbsoluteLifetime: 24 * time.Hour}, nil)
			client.visit("/")
			time.Sleep(23 * time.Hour)
			client.visit("/login?user=ada")
			time.Sleep(7 * time.Hour)
			assert.Equal(t, "1 true", client.visit("/views"))
			time.Sleep(17 * time.Hour)
			assert.Equal(t, "0 false", client.visit("/views"))
		})
	})
	t.Run("another user", func(t *testing.T) {
		manager, client := userSite(t, holdfast.Options{}, nil)
		client.visit("/login?user=ada")
		client.visit("/login?user=bob")
		assert.Equal(t, "bob", client.visit("/who"))
		adas, err := manager.Sessions(t.Context(), "ada")
		require.NoError(t, err)
		assert.Empty(t, adas)
	})
	t.Run("another user inherits nothing", func(t *testing.T) {
		client := direct(t, holdfast.Options{AbsoluteLifetime: 90 * 24 * time.Hour}, pages{
			"/ada": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				assert.NoError(t, s.Login("ada"))
				s.Set("cart", "tea")
				s.SetIdleTimeout(30 * 24 * time.Hour)
				s.SetExpires(time.Now().Add(24 * time.Hour))
			},
			"/bob": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				assert.NoError(t, s.Login("bob"))
				assert.Empty(t, s.Keys())
				assert.Equal(t, time.Hour, s.IdleTimeout())
				assert.WithinDuration(t, time.Now().Add(90*24*time.Hour), s.Expires(), time.Minute)
			}})
		client.visit("/ada")
		client.visit("/bob")
		assert.Zero(t, client.cookie.MaxAge)
	})
	t.Run("empty user ID", func(t *testing.T) {
		_, client := userSite(t, holdfast.Options{}, nil)
		client.visit("/")
		assert.Contains(t, client.visit("/login"), "user ID is empty")
		assert.Empty(t, client.visit("/who"))
	})
	t.Run("after the first byte", func(t *testing.T) {
		var err error
		_, client := userSite(t, holdfast.Options{}, pages{"/late": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
			w.Write([]byte("first byte"))
			err = s.Login("ada")
		}})
		client.visit("/")
		client.visit("/late")
		assert.ErrorIs(t, err, holdfast.ErrHeaderSent)
		assert.Empty(t, client.visit("/who"))
		assert.Equal(t, "2", client.visit("/"))
	})
	// The error response carries the new ID.
	t.Run("then an error response", func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/": count, "/views": views,
			"/login": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Login("ada")
				s.Set("bad", make(chan int))
			}})
		client.visit("/")
		client.visit("/login")
		assert.Equal(t, "1 true", client.visit("/views"), "the old ID is dead, so the client needs the new one")
	})
}

func TestFailedLogin(t *testing.T) {
	t.Run("logs nobody in", func(t *testing.T) {
		store := newFailing(t)
		client := direct(t, holdfast.Options{Store: store}, pages{
			"/login": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Set("seen", true)
				store.failNext("Set", refused)
				fmt.Fprint(w, s.Login("ada") != nil, " ", s.UserID())
			},
			"/who": who,
		})
		assert.Equal(t, "true ", client.visit("/login"))
		assert.Empty(t, client.visit("/who"))
	})
	// The changes before the login are stored without it.
	t.Run("is not stored later", func(t *testing.T) {
		store := newFailing(t)
		client := direct(t, holdfast.Options{Store: store}, pages{"/": count,
			"/login": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Set("a", 1)
				s.Set("b", 2)
				store.failNext("Set", refused)
				assert.ErrorIs(t, s.Login("ada"), errAway)
			},
			"/who": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				a, _ := holdfast.Get[int](s, "a")
				fmt.Fprintf(w, "%d %q", a, s.UserID())
			}})
		client.visit("/")
		client.visit("/login")
		assert.Equal(t, `1 ""`, client.visit("/who"))
	})
	t.Run("leaves sealed values readable", func(t *testing.T) {
		store := newAway(t)
		client := direct(t, holdfast.Options{Store: store, Codec: sealed(t, firstKey)}, pages{"/views": views,
			"/login": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Set("views", 5)
				store.away.Store(true)
				assert.ErrorIs(t, s.Login("ada"), errAway)
				store.away.Store(false)
				assert.Empty(t, s.UserID())
			}})
		client.visit("/login")
		assert.Equal(t, "5 true", client.visit("/views"))
	})
	t.Run("after a logout", func(t *testing.T) {
		var client *directClient
		fails := false
		newID := func(*http.Request) (string, error) {
			if fails {
				return "", errors.New("no entropy")
			}
			return rand.Text() + rand.Text(), nil
		}
		client = direct(t, holdfast.Options{NewID: newID}, pages{"/": count, "/destroy": destroy, "/views": views,
			"/login": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Set("device", "phone")
				client.twin().visit("/destroy")
				fails = true
				assert.ErrorIs(t, s.Login("ada"), holdfast.ErrID)
				fails = false
			}})
		client.visit("/")
		old := client.twin()
		client.visit("/login")
		assert.Equal(t, "0 false", old.visit("/views"))
	})
}

func TestSessions_last_seen_first(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		manager, client := userSite(t, holdfast.Options{}, nil)
		began := time.Now()
		phone, laptop := client.anonymous(), client.anonymous()
		phone.visit("/login?user=ada")
		time.Sleep(time.Minute)
		laptop.visit("/login?user=ada")
		client.anonymous().visit("/login?user=adam")
		client.anonymous().visit("/")
		time.Sleep(time.Minute)
		phone.visit("/who")
		time.Sleep(time.Minute)

		sessions, err := manager.Sessions(t.Context(), "ada")

		require.NoError(t, err)
		require.Len(t, sessions, 2)
		assert.Equal(t, []string{"ada", "ada"}, []string{sessions[0].UserID, sessions[1].UserID})
		assert.WithinDuration(t, began, sessions[0].Created, 0)
		assert.WithinDuration(t, began.Add(2*time.Minute), sessions[0].LastSeen, time.Second)
		assert.WithinDuration(t, began.Add(time.Minute), sessions[1].LastSeen, time.Second)
		assert.WithinDuration(t, began.Add(24*time.Hour), sessions[0].Expires, 0)
	})
}

func TestSessions_empty_user_ID(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{}, nil)
	client.visit("/")
	sessions, err := manager.Sessions(t.Context(), "")
	require.NoError(t, err)
	assert.Empty(t, sessions, "anonymous sessions are not those of user \"\"")
	n, err := manager.EndUser(t.Context(), "")
	require.NoError(t, err)
	assert.Zero(t, n)
	assert.Equal(t, "1 true", client.visit("/views"))
}

func TestSessions_LastSeen_near_the_end(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		manager, client := userSite(t, holdfast.Options{IdleTimeout: time.Hour, AbsoluteLifetime: 90 * time.Minute}, nil)
		client.visit("/login?user=ada")
		time.Sleep(50 * time.Minute)
		client.visit("/who")
		used := time.Now()
		time.Sleep(5 * time.Minute)

		sessions, err := manager.Sessions(t.Context(), "ada")

		require.NoError(t, err)
		require.Len(t, sessions, 1)
		assert.WithinDuration(t, used, sessions[0].LastSeen, time.Second)
	})
}

// The prefix of a user selects one session among those of 1000 users.
func TestSessions_prefix_of_one_user(t *testing.T) {
	store := &matcher{Store: newStore(t)}
	manager, client := userSite(t, holdfast.Options{Store: store}, nil)
	for i := range 1000 {
		client.anonymous().visit(fmt.Sprintf("/login?user=user-%d", i))
	}

	sessions, err := manager.Sessions(t.Context(), "user-777")

	require.NoError(t, err)
	assert.Len(t, sessions, 1)
	assert.Equal(t, 1, store.found)
	require.Len(t, store.prefixes, 1)
	assert.Len(t, store.prefixes[0], 9)
}

// Sessions compares the whole user ID.
func TestSessions_store_that_finds_too_much(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{Store: &matcher{Store: newStore(t), ignorant: true}}, nil)
	for _, user := range []string{"ada", "bob", "adam"} {
		client.anonymous().visit("/login?user=" + user)
	}
	sessions, err := manager.Sessions(t.Context(), "ada")
	require.NoError(t, err)
	require.Len(t, sessions, 1)
	assert.Equal(t, "ada", sessions[0].UserID)
}

func TestSessionInfo_Value_and_Is(t *testing.T) {
	var manager *holdfast.Manager
	manager, client := userSite(t, holdfast.Options{}, pages{"/list": func(w http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		sessions, _ := manager.Sessions(r.Context(), s.UserID())
		for _, info := range sessions {
			var agent string
			ok := info.Value("agent", &agent)
			var number int
			fmt.Fprint(w, agent, " ", ok, " ", info.Value("agent", &number), " ", info.Value("absent", &agent), " ", info.Is(s), ";")
		}
	}})
	loginWith(client, "laptop")
	other := client.anonymous()
	loginWith(other, "phone")

	lines := strings.Split(strings.TrimSuffix(client.visit("/list"), ";"), ";")

	assert.ElementsMatch(t, []string{"laptop true false false true", "phone true false false false"}, lines)
}

// loginWith logs Ada in with a user agent.
func loginWith(c *directClient, agent string) {
	request := get("/login?user=ada")
	request.Header.Set("User-Agent", agent)
	c.send(request)
}

func TestSessionInfo_sealed_Value(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{Codec: sealed(t, firstKey)}, nil)
	loginWith(client, "laptop")
	sessions, err := manager.Sessions(t.Context(), "ada")
	require.NoError(t, err)
	require.Len(t, sessions, 1)

	var agent string
	ok := sessions[0].Value("agent", &agent)

	assert.True(t, ok)
	assert.Equal(t, "laptop", agent)
}

// End ends one session of its user by its handle.
func TestEnd(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{}, nil)
	other := client.anonymous()
	client.visit("/login?user=ada")
	sessions, _ := manager.Sessions(t.Context(), "ada")
	require.Len(t, sessions, 1)
	handle := sessions[0].Handle
	other.visit("/login?user=ada")

	ended, err := manager.End(t.Context(), "bob", handle)
	require.NoError(t, err)
	assert.False(t, ended, "the session of another user")
	ended, err = manager.End(t.Context(), "", handle)
	require.NoError(t, err)
	assert.False(t, ended)
	assert.Equal(t, "ada", client.visit("/who"))

	ended, err = manager.End(t.Context(), "ada", handle)
	require.NoError(t, err)
	assert.True(t, ended)
	assert.Empty(t, client.visit("/who"))
	assert.Equal(t, "ada", other.visit("/who"))

	ended, err = manager.End(t.Context(), "ada", handle)
	require.NoError(t, err)
	assert.False(t, ended, "it has already ended")
}

// End ends nothing and returns no error.
func TestEnd_invalid_handle(t *testing.T) {
	manager, _ := manage(t, holdfast.Options{})
	for _, handle := range []string{"", "00", "zz", "../x", strings.Repeat("00", 1<<17)} {
		ended, err := manager.End(t.Context(), "ada", handle)
		assert.NoError(t, err, "%.20q", handle)
		assert.False(t, ended, "%.20q", handle)
	}
}

func TestEnd_handle_is_no_ID(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{NewID: func(*http.Request) (string, error) {
		return strings.Repeat("x", 22), nil // a short ID, so that a handle could be one
	}}, nil)
	client.visit("/login?user=ada")
	sessions, _ := manager.Sessions(t.Context(), "ada")
	require.Len(t, sessions, 1)
	assert.Empty(t, client.anonymous().visitWith("session="+sessions[0].Handle, "/who"))
}

// EndUser ends all sessions of one user, and no others.
func TestEndUser(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{}, nil)
	ada1, ada2, bob, nobody := client.anonymous(), client.anonymous(), client.anonymous(), client.anonymous()
	ada1.visit("/login?user=ada")
	ada2.visit("/login?user=ada")
	bob.visit("/login?user=bob")
	nobody.visit("/")

	n, err := manager.EndUser(t.Context(), "ada")

	require.NoError(t, err)
	assert.Equal(t, 2, n)
	assert.Empty(t, ada1.visit("/who")+ada2.visit("/who"))
	assert.Equal(t, "bob", bob.visit("/who"))
	assert.Equal(t, "1 true", nobody.visit("/views"))
}

func TestEndUser_one_new_ID_meanwhile(t *testing.T) {
	store := &meddling{Store: newStore(t)}
	manager, client := userSite(t, holdfast.Options{Store: store}, nil)
	client.visit("/login?user=ada")
	store.afterListing = func() { client.visit("/regenerate") }

	_, err := manager.EndUser(t.Context(), "ada")

	require.NoError(t, err)
	assert.Empty(t, client.visit("/who"))
}

// ending is a page that shows the results of end.
func ending(end func(*holdfast.Session) (int, error)) page {
	return func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		n, err := end(s)
		fmt.Fprint(w, n, err)
	}
}

// EndOthers ends the other sessions of its user, and no others.
func TestEndOthers(t *testing.T) {
	_, client := userSite(t, holdfast.Options{}, pages{"/others": ending((*holdfast.Session).EndOthers)})
	ada1, ada2, bob := client.anonymous(), client.anonymous(), client.anonymous()
	ada1.visit("/login?user=ada")
	ada2.visit("/login?user=ada")
	bob.visit("/login?user=bob")
	client.visit("/")
	assert.Equal(t, "0 <nil>", client.visit("/others"), "an anonymous session ends no others")

	assert.Equal(t, "1 <nil>", ada1.visit("/others"))

	assert.Equal(t, "ada", ada1.visit("/who"))
	assert.Empty(t, ada2.visit("/who"))
	assert.Equal(t, "bob", bob.visit("/who"))
}

// A session that another request has destroyed ends no others.
func TestEndOthers_of_a_destroyed_session(t *testing.T) {
	var stolen *directClient
	_, client := userSite(t, holdfast.Options{}, pages{"/others": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
		s.IsNew()
		stolen.twin().visit("/destroy")
		n, err := s.EndOthers()
		fmt.Fprint(w, n, errors.Is(err, holdfast.ErrEnded))
	}})
	other := client.anonymous()
	other.visit("/login?user=ada")
	client.visit("/login?user=ada")
	stolen = client.twin()
	assert.Equal(t, "0 true", client.visit("/others"))
	assert.Equal(t, "ada", other.visit("/who"))
}

func TestEndAll(t *testing.T) {
	t.Run("ends and counts this one", func(t *testing.T) {
		_, client := userSite(t, holdfast.Options{}, pages{"/all": ending((*holdfast.Session).EndAll)})
		this, other, bob := client.anonymous(), client.anonymous(), client.anonymous()
		this.visit("/login?user=ada")
		other.visit("/login?user=ada")
		bob.visit("/login?user=bob")
		before := this.twin()

		assert.Equal(t, "2 <nil>", this.visit("/all"))

		assert.Empty(t, before.visit("/who")+other.visit("/who"))
		assert.Equal(t, "bob", bob.visit("/who"))
	})
	t.Run("without a session", func(t *testing.T) {
		client := direct(t, holdfast.Options{}, pages{"/all": ending((*holdfast.Session).EndAll)})
		assert.Equal(t, "0 <nil>", client.visit("/all"))
	})
	// EndAll does not count a session that another request has ended.
	t.Run("destroyed meanwhile", func(t *testing.T) {
		var client *directClient
		client = direct(t, holdfast.Options{}, pages{"/": count, "/destroy": destroy,
			"/all": func(w http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
				s.Keys()
				client.twin().visit("/destroy")
				n, err := s.EndAll()
				fmt.Fprint(w, n, err)
			}})
		client.visit("/")
		assert.Equal(t, "0 <nil>", client.visit("/all"))
	})
}

// Without the error, a logout everywhere would report success and end no other
// session.
func TestEndAll_damaged_record(t *testing.T) {
	for name, end := range map[string]func(*holdfast.Session) (int, error){
		"EndAll": (*holdfast.Session).EndAll, "EndOthers": (*holdfast.Session).EndOthers,
	} {
		t.Run(name, func(t *testing.T) {
			c := newCache(t)
			manager, client := userSite(t, holdfast.Options{Cache: c}, pages{
				"/end": func(_ http.ResponseWriter, _ *http.Request, s *holdfast.Session) {
					n, err := end(s)
					assert.Zero(t, n)
					assert.ErrorIs(t, err, holdfast.ErrRecord)
				}})
			client.visit("/login?user=ada")
			damage(t, c, time.Hour)
			client.anonymous().visit("/login?user=ada")

			response := client.show("/end")

			assert.Equal(t, http.StatusInternalServerError, response.Code)
			infos, err := manager.Sessions(t.Context(), "ada")
			require.NoError(t, err)
			assert.Len(t, infos, 1)
		})
	}
}

func TestAll_Len_and_EndEveryone(t *testing.T) {
	c := newCache(t)
	manager, client := userSite(t, holdfast.Options{Cache: c}, nil)
	for range 3 {
		client.anonymous().visit("/")
	}
	client.visit("/")

	n, err := manager.Len(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 4, n)

	handles := map[string]bool{}
	for info, err := range manager.All(t.Context()) {
		require.NoError(t, err)
		handles[info.Handle] = true
	}
	assert.Len(t, handles, 4)

	cleared, err := manager.EndEveryone(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 4, cleared)
	assert.Zero(t, c.Len())
	assert.Equal(t, "0 false", client.visit("/views"))
}

func TestAll_break(t *testing.T) {
	manager, client := userSite(t, holdfast.Options{}, nil)
	for range 3 {
		client.anonymous().visit("/")
	}
	for range manager.All(t.Context()) {
		break
	}
}

// Entries of others in the same cache are no sessions.
func TestLen_foreign_entries(t *testing.T) {
	c := newCache(t)
	manager, _ := manage(t, holdfast.Options{Cache: c})
	require.NoError(t, c.Set("someone else's", []byte("data"), time.Hour))
	require.NoError(t, c.Set("someone else's, version 1", []byte{1, 2, 3}, time.Hour))
	n, err := manager.Len(t.Context())
	require.NoError(t, err)
	assert.Zero(t, n)
	_, err = manager.EndEveryone(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, c.Len())
}

// It lists one user among a million sessions.
func BenchmarkSessions(b *testing.B) {
	c, err := cache.New(cache.Options{MaxBytes: 1 << 30})
	require.NoError(b, err)
	defer c.Close()
	manager, err := holdfast.New(holdfast.Options{Cache: c})
	require.NoError(b, err)
	handler := manager.Handler(pages{"/": func(_ http.ResponseWriter, r *http.Request, s *holdfast.Session) {
		s.Set("cart", strings.Repeat("x", 200))
		s.Login(r.URL.Query().Get("user"))
	}}.handler())
	for i := range 1_000_000 {
		record(handler, get(fmt.Sprintf("/?user=%d", i)))
	}
	for b.Loop() {
		sessions, err := manager.Sessions(b.Context(), "777777")
		if err != nil || len(sessions) != 1 {
			b.Fatal(len(sessions), err)
		}
	}
}
