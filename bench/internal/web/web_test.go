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
			a.do(otherPage, "")
			if f := failure(a); f != "" {
				t.Errorf("a page without sessions: %s", f)
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

func TestCost(t *testing.T) {
	v := &visitor{apps: make(map[string]visited)}
	c, err := v.cost(Visit{App: "bare net/http", Kind: reads, For: time.Millisecond})
	if err != nil || c.Nanos <= 0 {
		t.Fatalf("cost = %+v, %v", c, err)
	}
	if _, err := v.cost(Visit{App: "nobody", For: 1}); err == nil {
		t.Error("an app that does not exist was visited")
	}
}

func TestABurstOfNoiseInOnePassDoesNotMoveTheCost(t *testing.T) {
	app := []Cost{{110, 50, 5}, {9999, 50, 5}, {130, 50, 5}}
	bare := []Cost{{10, 20, 1}, {10, 20, 1}, {10, 20, 1}}
	if got, want := beyond(app, bare), (Cost{120, 30, 4}); got != want {
		t.Errorf("beyond the bare handler: %+v, want %+v", got, want)
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
