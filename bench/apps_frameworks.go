package main

import (
	"net/http"

	ginsessions "github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/session"
	"github.com/valyala/fasthttp"
)

// newGinApp returns an engine without the logger and the recovery of
// gin.Default.
func newGinApp(pages map[string]func(*gin.Context) error, use ...gin.HandlerFunc) app {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(use...)
	for _, path := range []string{loginPage, readPage, writePage, otherPage} {
		page := pages[path]
		engine.GET(path, func(c *gin.Context) {
			if page != nil {
				if err := page(c); err != nil {
					c.String(http.StatusInternalServerError, err.Error())
					return
				}
			}
			c.String(http.StatusOK, body)
		})
	}
	return newHandlerApp(engine)
}

func ginSessionApp(store ginsessions.Store) app {
	return newGinApp(map[string]func(*gin.Context) error{
		loginPage: func(c *gin.Context) error {
			s := ginsessions.Default(c)
			for key, value := range loggedIn {
				s.Set(key, value)
			}
			return s.Save()
		},
		readPage: func(c *gin.Context) error {
			s := ginsessions.Default(c)
			user, _ := s.Get(userKey).(string)
			s.Get(visitsKey)
			return expect(user, len(c.Request.Header["Cookie"]) > 0)
		},
		writePage: func(c *gin.Context) error {
			s := ginsessions.Default(c)
			visits, _ := s.Get(visitsKey).(int)
			s.Set(visitsKey, visits+1)
			return s.Save()
		},
	}, ginsessions.Sessions(cookieName, store))
}

// fiberApp drives fiber with one request context, as its server does.
type fiberApp struct {
	handler fasthttp.RequestHandler
	ctx     fasthttp.RequestCtx
}

func (a *fiberApp) do(page, cookie string) string {
	a.ctx.Request.Reset()
	a.ctx.Response.Reset()
	a.ctx.Request.Header.SetMethod(fiber.MethodGet)
	a.ctx.Request.SetRequestURI(page)
	a.ctx.Request.Header.SetHost("localhost")
	if cookie != "" {
		a.ctx.Request.Header.Set(fiber.HeaderCookie, cookie)
	}
	a.handler(&a.ctx)
	return cookiePair(string(a.ctx.Response.Header.Peek(fiber.HeaderSetCookie)))
}

func newFiberApp(pages map[string]func(fiber.Ctx) error, use ...any) app {
	f := fiber.New()
	if len(use) > 0 {
		f.Use(use...)
	}
	for _, path := range []string{loginPage, readPage, writePage, otherPage} {
		page := pages[path]
		f.Get(path, func(c fiber.Ctx) error {
			if page != nil {
				if err := page(c); err != nil {
					return err
				}
			}
			return c.SendString(body)
		})
	}
	return &fiberApp{handler: f.Handler()}
}

func fiberSessionApp(config session.Config) app {
	return newFiberApp(map[string]func(fiber.Ctx) error{
		loginPage: func(c fiber.Ctx) error {
			for key, value := range loggedIn {
				session.FromContext(c).Set(key, value)
			}
			return nil
		},
		readPage: func(c fiber.Ctx) error {
			s := session.FromContext(c)
			user, _ := s.Get(userKey).(string)
			s.Get(visitsKey)
			return expect(user, len(c.Request().Header.Peek(fiber.HeaderCookie)) > 0)
		},
		writePage: func(c fiber.Ctx) error {
			s := session.FromContext(c)
			visits, _ := s.Get(visitsKey).(int)
			s.Set(visitsKey, visits+1)
			return nil
		},
	}, session.New(config))
}
