package interop

import (
	"net/url"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/session"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/plug"
)

var _ fiber.Storage = (*plug.FiberStorage)(nil)

func startFiber3(t *testing.T, with setup) string {
	app := fiber.New()
	app.Use(session.New(session.Config{
		Storage:     plug.Fiber(with.cache, with.prefix),
		IdleTimeout: with.ttl,
	}))
	app.Get("/*", func(c fiber.Ctx) error {
		query, err := url.ParseQuery(string(c.Request().URI().QueryString()))
		if err != nil {
			return err
		}
		v := fiber3Visit{session.FromContext(c)}
		body, err := with.app.serve(v, string(c.Request().URI().Path()), query)
		if err != nil {
			return err
		}
		return c.SendString(body)
	})
	listener, url := listen(t)
	go app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true})
	t.Cleanup(func() { app.ShutdownWithTimeout(shutdownTimeout) })
	return url
}

type fiber3Visit struct{ session *session.Middleware }

func (v fiber3Visit) get(key string) string {
	value, _ := v.session.Get(key).(string)
	return value
}

func (v fiber3Visit) set(key, value string) { v.session.Set(key, value) }
func (v fiber3Visit) renew() error          { return v.session.Regenerate() }
func (v fiber3Visit) destroy() error        { return v.session.Destroy() }
func (v fiber3Visit) save() error           { return nil }

func TestFiber_reset_logs_out_its_own_users(t *testing.T) {
	c := newCache(t, roomy)
	visitors := map[string]*visitor{}
	for _, s := range sites {
		v := run(t, s, setup{newApp(), c, "shop", long}).visitor(t)
		v.get("/login?user=alice")
		visitors[s.name] = v
	}

	require.NoError(t, plug.Fiber(c, "shop").Reset())

	for name, v := range visitors {
		want := "alice"
		if name == "fiber v2" || name == "fiber v3" {
			want = ""
		}
		assert.Equal(t, want, v.get("/whoami"), name)
	}
}
