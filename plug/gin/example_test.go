package ginplug_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/holdfast-go/holdfast/cache"
	ginplug "github.com/holdfast-go/holdfast/plug/gin"
)

// A page counts its views.
func ExampleNewStore() {
	c, err := cache.New(cache.Options{MaxBytes: 64 << 20})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	key := []byte("thirty-two bytes, kept secret ...")

	// before: store := memstore.NewStore(key)
	store, err := ginplug.NewStore(c, "shop", key)
	if err != nil {
		panic(err)
	}

	router := gin.New()
	router.Use(sessions.Sessions("session", store))
	router.GET("/", func(c *gin.Context) {
		session := sessions.Default(c)
		views, _ := session.Get("page_views").(int)
		session.Set("page_views", views+1)
		if err := session.Save(); err != nil {
			c.Status(http.StatusInternalServerError)
			return
		}
		fmt.Println("views:", views+1)
	})
	server := httptest.NewServer(router)
	defer server.Close()

	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	for range 3 {
		response, err := client.Get(server.URL)
		if err != nil {
			panic(err)
		}
		response.Body.Close()
	}

	// Output:
	// views: 1
	// views: 2
	// views: 3
}
