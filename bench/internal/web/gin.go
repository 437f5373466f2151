package web

import (
	"net/http"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"

	"github.com/holdfast-go/holdfast/cache"
	ginplug "github.com/holdfast-go/holdfast/plug/gin"
)

// newEngine returns an engine without the logger and the recovery that
// gin.Default would add.
func newEngine(login, read, write func(*gin.Context) error, use ...gin.HandlerFunc) app {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(use...)
	for path, page := range map[string]func(*gin.Context) error{loginPage: login, readPage: read, writePage: write, otherPage: ginNothing} {
		engine.GET(path, func(c *gin.Context) {
			if err := page(c); err != nil {
				c.String(http.StatusInternalServerError, err.Error())
				return
			}
			c.String(http.StatusOK, body)
		})
	}
	return newHandlerApp(engine)
}

func newBareGin() (app, error) {
	return newEngine(ginNothing, ginNothing, ginNothing), nil
}

func newGin() (app, error) { return ginApp(memstore.NewStore(signingKey)), nil }

func newGinOnHoldfast() (app, error) {
	c, err := cache.New(cache.Options{})
	if err != nil {
		return nil, err
	}
	store, err := ginplug.NewStore(c, plugPrefix, signingKey)
	if err != nil {
		return nil, err
	}
	return ginApp(store), nil
}

func ginApp(store sessions.Store) app {
	login := func(c *gin.Context) error {
		s := sessions.Default(c)
		s.Set(userKey, user)
		s.Set(themeKey, theme)
		s.Set(tokenKey, token)
		s.Set(visitsKey, 1)
		return s.Save()
	}
	read := func(c *gin.Context) error {
		s := sessions.Default(c)
		name, _ := s.Get(userKey).(string)
		s.Get(visitsKey)
		return expect(c.Request, name)
	}
	write := func(c *gin.Context) error {
		s := sessions.Default(c)
		visits, _ := s.Get(visitsKey).(int)
		s.Set(visitsKey, visits+1)
		return s.Save()
	}
	return newEngine(login, read, write, sessions.Sessions(cookieName, store))
}

func ginNothing(*gin.Context) error { return nil }
