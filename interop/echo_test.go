package interop

import (
	"net/http"
	"testing"

	"github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"
)

func startEcho(t *testing.T, with setup) string {
	e := echo.New()
	e.Use(session.Middleware(newGorillaStore(t, with)))
	e.GET("/*", func(c echo.Context) error {
		s, _ := session.Get("session", c)
		v := &gorillaVisit{c.Response(), c.Request(), s}
		body, err := with.app.serve(v, c.Request().URL.Path, c.QueryParams())
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, body)
	})
	return serveHTTP(t, e)
}
