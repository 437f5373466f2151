package interop

import (
	"net/url"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"

	"github.com/holdfast-go/holdfast/plug"
)

var _ fiber.Storage = (*plug.FiberStorage)(nil)

func startFiber2(t *testing.T, with setup) string {
	store := session.New(session.Config{
		Storage:    plug.Fiber(with.cache, with.prefix),
		Expiration: with.ttl,
	})
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/*", func(c *fiber.Ctx) error {
		s, err := store.Get(c)
		if err != nil {
			return err
		}
		query, err := url.ParseQuery(string(c.Request().URI().QueryString()))
		if err != nil {
			return err
		}
		body, err := with.app.serve(&fiber2Visit{session: s}, string(c.Request().URI().Path()), query)
		if err != nil {
			return err
		}
		return c.SendString(body)
	})
	listener, url := listen(t)
	go app.Listener(listener)
	t.Cleanup(func() { app.ShutdownWithTimeout(shutdownTimeout) })
	return url
}

type fiber2Visit struct {
	session   *session.Session
	destroyed bool
}

func (v *fiber2Visit) get(key string) string {
	value, _ := v.session.Get(key).(string)
	return value
}

func (v *fiber2Visit) set(key, value string) { v.session.Set(key, value) }
func (v *fiber2Visit) renew() error          { return v.session.Regenerate() }

func (v *fiber2Visit) destroy() error {
	v.destroyed = true
	return v.session.Destroy()
}

func (v *fiber2Visit) save() error {
	if v.destroyed {
		return nil
	}
	return v.session.Save()
}
