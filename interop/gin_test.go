package interop

import (
	"net/http"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/tester"
	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	ginplug "github.com/holdfast-go/holdfast/plug/gin"
)

var _ sessions.Store = (*ginplug.Store)(nil)

func startGin(t *testing.T, with setup) string {
	store, err := ginplug.NewStore(with.cache, with.prefix, cookieKey)
	require.NoError(t, err)
	options := sessions.Options{Path: "/", MaxAge: int(with.ttl / time.Second)}
	store.Options(options)

	router := gin.New()
	router.Use(sessions.Sessions("session", store))
	router.GET("/:page", func(c *gin.Context) {
		v := ginVisit{sessions.Default(c), options}
		body, err := with.app.serve(v, c.Request.URL.Path, c.Request.URL.Query())
		if err != nil {
			c.Status(http.StatusInternalServerError)
			return
		}
		c.String(http.StatusOK, "%s", body)
	})
	return serveHTTP(t, router)
}

type ginVisit struct {
	session sessions.Session
	options sessions.Options
}

func (v ginVisit) get(key string) string {
	value, _ := v.session.Get(key).(string)
	return value
}

func (v ginVisit) set(key, value string)   { v.session.Set(key, value) }
func (v ginVisit) addFlash(message string) { v.session.AddFlash(message) }
func (v ginVisit) flashes() []string       { return toStrings(v.session.Flashes()) }
func (v ginVisit) renew() error            { return ginplug.Renew(v.session) }
func (v ginVisit) save() error             { return v.session.Save() }

func (v ginVisit) destroy() error {
	ended := v.options
	ended.MaxAge = -1
	v.session.Clear()
	v.session.Options(ended)
	return nil
}

// The package tester of gin-contrib/sessions contains tests for stores.
func TestGin_tester(t *testing.T) {
	newStore := func(t *testing.T) sessions.Store {
		store, err := ginplug.NewStore(newCache(t, 1<<20), "shop", cookieKey)
		require.NoError(t, err)
		return store
	}
	t.Run("GetSet", func(t *testing.T) { tester.GetSet(t, newStore) })
	t.Run("DeleteKey", func(t *testing.T) { tester.DeleteKey(t, newStore) })
	t.Run("Flashes", func(t *testing.T) { tester.Flashes(t, newStore) })
	t.Run("Clear", func(t *testing.T) { tester.Clear(t, newStore) })
	t.Run("Options", func(t *testing.T) { tester.Options(t, newStore) })
	t.Run("Many", func(t *testing.T) { tester.Many(t, newStore) })
}
