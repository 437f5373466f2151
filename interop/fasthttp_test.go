package interop

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/valyala/fasthttp"

	"github.com/holdfast-go/holdfast/plug"
)

// The public module proxy does not serve fasthttp/session v2. A small manager
// on a real fasthttp server takes its place. It calls the provider in the same
// order and adopts any ID in the cookie, as fasthttp/session does. It passes
// slices of the server's buffers, which the server uses again for other
// requests.

func startFastHTTP(t *testing.T, with setup) string {
	manager := manager{plug.FastHTTP(with.cache, with.prefix), with.ttl}
	server := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		body, err := func() (string, error) {
			query, err := url.ParseQuery(string(ctx.URI().QueryString()))
			if err != nil {
				return "", err
			}
			v, err := manager.open(ctx)
			if err != nil {
				return "", err
			}
			return with.app.serve(v, string(ctx.Path()), query)
		}()
		if err != nil {
			ctx.Error("error", http.StatusInternalServerError)
			return
		}
		ctx.SetBodyString(body)
	}}
	listener, url := listen(t)
	go server.Serve(listener)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		server.ShutdownWithContext(ctx)
	})
	return url
}

type manager struct {
	provider   *plug.FastHTTPProvider
	expiration time.Duration
}

const fastHTTPCookie = "sessionid"

func (m manager) open(ctx *fasthttp.RequestCtx) (*fastHTTPVisit, error) {
	v := &fastHTTPVisit{manager: m, ctx: ctx, values: map[string]string{}}
	v.id = ctx.Request.Header.Cookie(fastHTTPCookie)
	if len(v.id) == 0 {
		v.id = []byte(rand.Text())
		return v, nil
	}
	data, err := m.provider.Get(v.id)
	if err == nil && data != nil {
		err = json.Unmarshal(data, &v.values)
	}
	return v, err
}

type fastHTTPVisit struct {
	manager
	ctx       *fasthttp.RequestCtx
	id        []byte
	values    map[string]string
	destroyed bool
}

func (v *fastHTTPVisit) get(key string) string { return v.values[key] }
func (v *fastHTTPVisit) set(key, value string) { v.values[key] = value }

func (v *fastHTTPVisit) renew() error {
	newID := []byte(rand.Text())
	if err := v.provider.Regenerate(v.id, newID, v.expiration); err != nil {
		return err
	}
	v.id = newID
	return nil
}

func (v *fastHTTPVisit) destroy() error {
	v.destroyed = true
	v.ctx.Response.Header.DelClientCookie(fastHTTPCookie)
	return v.provider.Destroy(v.id)
}

func (v *fastHTTPVisit) save() error {
	if v.destroyed {
		return nil
	}
	data, err := json.Marshal(v.values)
	if err != nil {
		return err
	}
	if err := v.provider.Save(v.id, data, v.expiration); err != nil {
		return err
	}
	cookie := fasthttp.AcquireCookie()
	defer fasthttp.ReleaseCookie(cookie)
	cookie.SetKey(fastHTTPCookie)
	cookie.SetValueBytes(v.id)
	cookie.SetPath("/")
	cookie.SetHTTPOnly(true)
	v.ctx.Response.Header.SetCookie(cookie)
	return nil
}

func TestFastHTTP_refuses_a_late_request(t *testing.T) {
	site := run(t, site{name: "fasthttp", start: startFastHTTP}, setup{newApp(), newCache(t, roomy), "shop", long})
	v := site.visitor(t)
	v.get("/login?user=alice")
	late := v.thief()
	v.get("/logout")
	status, _ := late.try("/views")
	assert.Equal(t, http.StatusInternalServerError, status)
}
