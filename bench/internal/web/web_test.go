package web

import (
	"context"
	"testing"
	"time"
)

// Every app must find its session again, and none without a cookie: an app that
// does nothing would be fast.
func TestAppsKeepSessions(t *testing.T) {
	for _, c := range candidates() {
		t.Run(c.name, func(t *testing.T) {
			a, err := c.new()
			if err != nil {
				t.Fatal(err)
			}
			cookie := a.do(loginPage, "")
			if cookie == "" {
				t.Fatal("login set no cookie")
			}
			if set := a.do(writePage, cookie); set != "" {
				cookie = set
			}
			a.do(readPage, cookie)
			if f := failure(a); f != "" {
				t.Errorf("with a cookie: %s", f)
			}
			a.do(readPage, "")
			if f := failure(a); f != "" {
				t.Errorf("without a cookie: %s", f)
			}
		})
	}
}

// failure returns the text of the last response if it was an error.
func failure(a app) string {
	switch a := a.(type) {
	case *handlerApp:
		if a.writer.status >= 400 {
			return "the page failed"
		}
	case *fiberApp:
		if a.ctx.Response.StatusCode() >= 400 {
			return string(a.ctx.Response.Body())
		}
	}
	return ""
}

func TestCostOfABareHandlerIsNothingBeyondIt(t *testing.T) {
	v := &visitor{apps: make(map[string]visited)}
	c, err := v.cost(Visit{App: "bare net/http", Kind: reads, N: 100})
	if err != nil || c.Nanos <= 0 {
		t.Fatalf("cost = %+v, %v", c, err)
	}
	if c.minus(c) != (Cost{}) {
		t.Error("a cost minus itself is not 0")
	}
	if _, err := v.cost(Visit{App: "nobody", N: 1}); err == nil {
		t.Error("an app that does not exist was visited")
	}
}

func TestDriveCountsRequests(t *testing.T) {
	address, err := serve(2)
	if err != nil {
		t.Fatal(err)
	}
	rate, err := drive(context.Background(), address, 50*time.Millisecond)
	if err != nil || rate <= 0 {
		t.Errorf("drive = %v, %v", rate, err)
	}
}
