package interop

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strconv"

	"github.com/alexedwards/scs/v2"
	"github.com/gofiber/fiber/v3"
	fibersession "github.com/gofiber/fiber/v3/middleware/session"
	echosession "github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"

	"github.com/holdfast-go/holdfast/cache"
	"github.com/holdfast-go/holdfast/plug"
	"github.com/holdfast-go/holdfast/plug/gorilla"
)

// printThreeViews opens a page three times in one browser and prints its text.
func printThreeViews(url string) {
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 3 {
		response, err := client.Get(url)
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		fmt.Println("views:", string(body))
	}
}

func Example_scs() {
	c, err := cache.New(cache.Options{MaxBytes: 64 << 20})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	sessionManager := scs.New()
	// before: sessionManager.Store = memstore.New()
	sessionManager.Store = plug.SCS(c, "shop")

	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		views := sessionManager.GetInt(r.Context(), "page_views") + 1
		sessionManager.Put(r.Context(), "page_views", views)
		fmt.Fprint(w, views)
	})
	server := httptest.NewServer(sessionManager.LoadAndSave(page))
	defer server.Close()
	printThreeViews(server.URL)

	// Output:
	// views: 1
	// views: 2
	// views: 3
}

func Example_echo() {
	c, err := cache.New(cache.Options{MaxBytes: 64 << 20})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	key := []byte("thirty-two bytes, kept secret ...")

	// before: store := sessions.NewFilesystemStore("", key)
	store, err := gorilla.NewStore(c, "shop", key)
	if err != nil {
		panic(err)
	}

	e := echo.New()
	e.Use(echosession.Middleware(store))
	e.GET("/", func(c echo.Context) error {
		session, err := echosession.Get("session", c)
		if err != nil {
			return err
		}
		views, _ := session.Values["page_views"].(int)
		session.Values["page_views"] = views + 1
		if err := session.Save(c.Request(), c.Response()); err != nil {
			return err
		}
		return c.String(http.StatusOK, strconv.Itoa(views+1))
	})
	server := httptest.NewServer(e)
	defer server.Close()
	printThreeViews(server.URL)

	// Output:
	// views: 1
	// views: 2
	// views: 3
}

func Example_fiber() {
	c, err := cache.New(cache.Options{MaxBytes: 64 << 20})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	app := fiber.New()
	// before: app.Use(fibersession.New())
	app.Use(fibersession.New(fibersession.Config{Storage: plug.Fiber(c, "shop")}))

	app.Get("/", func(c fiber.Ctx) error {
		session := fibersession.FromContext(c)
		views, _ := session.Get("page_views").(int)
		session.Set("page_views", views+1)
		return c.SendString(strconv.Itoa(views + 1))
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true})
	defer app.Shutdown()
	printThreeViews("http://" + listener.Addr().String())

	// Output:
	// views: 1
	// views: 2
	// views: 3
}
