package web

import (
	"fmt"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/session"
	"github.com/valyala/fasthttp"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug"
)

// fiberApp drives fiber with a request context that is used again and again,
// as its server does.
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

func newFiberApp(login, read, write func(fiber.Ctx) error, use ...any) app {
	f := fiber.New()
	if len(use) > 0 {
		f.Use(use...)
	}
	for path, page := range map[string]func(fiber.Ctx) error{loginPage: login, readPage: read, writePage: write, otherPage: fiberNothing} {
		f.Get(path, func(c fiber.Ctx) error {
			if err := page(c); err != nil {
				return err
			}
			return c.SendString(body)
		})
	}
	return &fiberApp{handler: f.Handler()}
}

func newBareFiber() (app, error) {
	return newFiberApp(fiberNothing, fiberNothing, fiberNothing), nil
}

// newFiber is fiber's session on its default storage, a map in memory.
func newFiber() (app, error) { return fiberSessionApp(session.Config{}), nil }

func newFiberOnHoldfast() (app, error) {
	c, err := cache.New(cache.Options{})
	if err != nil {
		return nil, err
	}
	return fiberSessionApp(session.Config{Storage: plug.Fiber(c, plugPrefix)}), nil
}

func fiberSessionApp(config session.Config) app {
	login := func(c fiber.Ctx) error {
		s := session.FromContext(c)
		s.Set(userKey, user)
		s.Set(themeKey, theme)
		s.Set(tokenKey, token)
		s.Set(visitsKey, 1)
		return nil
	}
	read := func(c fiber.Ctx) error {
		s := session.FromContext(c)
		name, _ := s.Get(userKey).(string)
		s.Get(visitsKey)
		if known := len(c.Request().Header.Peek(fiber.HeaderCookie)) > 0; known == (name == "") {
			return fmt.Errorf("the user is %q, though the request has a cookie: %v", name, known)
		}
		return nil
	}
	write := func(c fiber.Ctx) error {
		s := session.FromContext(c)
		visits, _ := s.Get(visitsKey).(int)
		s.Set(visitsKey, visits+1)
		return nil
	}
	return newFiberApp(login, read, write, session.New(config))
}

func fiberNothing(fiber.Ctx) error { return nil }
