package interop

import (
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/plug/gorilla"
)

var _ sessions.Store = (*gorilla.Store)(nil)

func startGorilla(t *testing.T, with setup) string {
	store := newGorillaStore(t, with)
	return serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := store.Get(r, "session")
		body, err := with.app.serve(&gorillaVisit{w, r, session}, r.URL.Path, r.URL.Query())
		if err != nil {
			http.Error(w, "error", http.StatusInternalServerError)
			return
		}
		w.Write([]byte(body))
	}))
}

func newGorillaStore(t *testing.T, with setup) *gorilla.Store {
	t.Helper()
	store, err := gorilla.NewStore(with.cache, with.prefix, cookieKey)
	require.NoError(t, err)
	store.MaxAge(int(with.ttl / time.Second))
	return store
}

// gorillaVisit is for echo too, whose session middleware is gorilla's.
type gorillaVisit struct {
	w       http.ResponseWriter
	r       *http.Request
	session *sessions.Session
}

func (v *gorillaVisit) get(key string) string {
	value, _ := v.session.Values[key].(string)
	return value
}

func (v *gorillaVisit) set(key, value string)   { v.session.Values[key] = value }
func (v *gorillaVisit) addFlash(message string) { v.session.AddFlash(message) }

func (v *gorillaVisit) flashes() []string { return toStrings(v.session.Flashes()) }

func (v *gorillaVisit) renew() error {
	v.session.ID = ""
	return nil
}

func (v *gorillaVisit) destroy() error {
	v.session.Options.MaxAge = -1
	return nil
}

func (v *gorillaVisit) save() error { return v.session.Save(v.r, v.w) }

func toStrings(values []any) []string {
	var texts []string
	for _, value := range values {
		texts = append(texts, value.(string))
	}
	return texts
}
